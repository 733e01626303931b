"""The record of a run: a tidy table of points over virtual time, and what the run cost.

Everything a chart, a table or a grader needs, and nothing of torch: a saved history can be replayed anywhere.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ftte_lab._common import choice, integer, require, write_atomic

AXES = ("sim_seconds", "updates", "upload_bytes", "total_bytes", "energy_j")
"""What a target can be reached in: virtual time, client updates, bytes up, bytes up and down, joules."""

_FORMAT = "ftte_lab history 1"


@dataclass(frozen=True, eq=False)
class History:
    """One run.

    Attributes:
        scenario: the scenario as plain values.
        points: one row per evaluation: `version`, the `AXES`, `accuracy`, `loss`, `straggler_accuracy` (on the data
            of the slowest tenth of the devices), `worst_decile_accuracy` (of the clients), and one
            `accuracy_<kind>` per device kind.
        facts: numbers of the run as a whole (peak memory, payload, devices left out, rejected updates, ...).
    """

    scenario: Mapping[str, Any]
    points: pd.DataFrame
    facts: Mapping[str, Any]

    def smoothed(self, column: str = "accuracy", window: int = 5) -> pd.Series:
        """Mean of the last `window` points at each point: what targets are read from.

        Raises:
            ValueError: an unknown column or a window below 1.
        """
        choice("column", column, [str(c) for c in self.points.columns])
        integer("window", window, 1)
        return pd.Series(
            smooth(self.points[column].to_numpy(), window), self.points.index, name=column
        )

    def best(self, window: int = 5) -> float:
        """Best smoothed test accuracy of the run."""
        return float(self.smoothed(window=window).max())

    def final(self, column: str = "accuracy", window: int = 5) -> float:
        """Smoothed value at the end of the run."""
        return float(self.smoothed(column, window).iloc[-1])

    def level(self, until_s: float | None = None) -> float:
        """Mean test accuracy over virtual time, up to `until_s` (`None`: the end; beyond it the last value is held).

        Rewards speed and level alike: what a server rate is judged by.
        """
        time, accuracy = self.points["sim_seconds"].to_numpy(), self.points["accuracy"].to_numpy()
        end = time[-1] if until_s is None else until_s
        at = np.append(time[time < end], end)
        return float(np.trapezoid(np.interp(at, time, accuracy), at) / (end - time[0]))

    def time_to(self, target: float, of: str = "sim_seconds", window: int = 5) -> float | None:
        """What it took until the smoothed accuracy first reached `target`, or `None` if it never did.

        Args:
            target: test accuracy from 0 to 1.
            of: one of `AXES`.
            window: points of the smoothing.

        Raises:
            ValueError: a target outside 0 to 1, an unknown axis or a window below 1.
        """
        require(
            isinstance(target, int | float) and 0 <= target <= 1,
            f"target = {target!r}",
            "an accuracy from 0 to 1",
        )
        choice("of", of, AXES)
        reached = self.points[of][self.smoothed(window=window) >= target]
        return None if reached.empty else float(reached.iloc[0])

    def levelled_off(self, share: float = 0.25, tolerance: float = 0.01) -> bool:
        """Whether the best smoothed accuracy before the last `share` of the time is within `tolerance` of the best.

        A target taken from a run that still climbs would flatter whoever is compared with it.
        """
        smooth = self.smoothed()
        early = smooth[
            self.points["sim_seconds"] <= (1 - share) * float(self.points["sim_seconds"].iloc[-1])
        ]
        return not early.empty and float(early.max()) >= float(smooth.max()) - tolerance

    def to_json(self) -> str:
        """The run as one line of JSON."""
        points = {str(c): self.points[c].tolist() for c in self.points.columns}
        content = {
            "format": _FORMAT,
            "scenario": dict(self.scenario),
            "facts": dict(self.facts),
            "points": points,
        }
        return json.dumps(content)

    @classmethod
    def from_json(cls, text: str) -> History:
        """Inverse of `to_json`.

        Raises:
            ValueError: text that is no history.
        """
        try:
            raw = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"the text is no JSON ({error}); allowed: what History.to_json writes."
            ) from error
        ok = (
            isinstance(raw, dict)
            and raw.get("format") == _FORMAT
            and {"scenario", "facts", "points"} <= set(raw)
        )
        require(ok, "the text is no history", f"one of format {_FORMAT!r}", "Save it again")
        return cls(raw["scenario"], pd.DataFrame(raw["points"]), raw["facts"])

    def save(self, path: str | Path) -> Path:
        """Write the run as one JSON file, whole or not at all.

        Raises:
            ValueError: if the folder does not exist.
        """
        path = Path(path)
        require(
            path.parent.is_dir(),
            f"folder {str(path.parent)!r} does not exist",
            "an existing folder",
            "Create it first",
        )
        write_atomic(path, self.to_json().encode())
        return path

    @classmethod
    def load(cls, path: str | Path) -> History:
        """Read what `save` wrote.

        Raises:
            ValueError: if the file is missing, cut off, or no history.
        """
        try:
            return cls.from_json(Path(path).read_text())
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{str(path)!r} cannot be read ({error}); allowed: a file that History.save wrote."
            ) from error


def smooth(values: np.ndarray, window: int) -> np.ndarray:
    """Mean of the last `window` values at each of them (of fewer at the beginning)."""
    values = np.asarray(values, np.float64)
    if len(values) < window:
        return np.array([values[: k + 1].mean() for k in range(len(values))])
    start = [values[: k + 1].mean() for k in range(window - 1)]
    return np.concatenate(
        [start, np.lib.stride_tricks.sliding_window_view(values, window).mean(axis=1)]
    )


def faster(baseline: float | None, other: float | None) -> dict[str, float | None]:
    """Both readings of "faster": `time_saved` (1 - other / baseline) and `speed_gain` (baseline / other - 1).

    "81 % faster" is 0.19 of the time under the first, 0.55 of it under the second; which one the authors mean is not
    known to us, so the kit prints both. `None` where either run never reached the target.
    """
    if baseline is None or other is None or not baseline or not other:
        return {"time_saved": None, "speed_gain": None}
    return {"time_saved": 1 - other / baseline, "speed_gain": baseline / other - 1}


def saved(baseline: float, other: float) -> float:
    """Share of `baseline` that `other` saves; nan for a baseline of 0."""
    return 1 - other / baseline if baseline else math.nan
