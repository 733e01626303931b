"""Record a run: a tidy table of points over virtual time, and what the run cost.

A chart, a table or a grader needs nothing else. No torch is involved, so that a saved history can
be read anywhere.
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
from numpy.typing import ArrayLike

from ftte_lab._common import choice, number, require, write_atomic

AXES = ("sim_seconds", "updates", "upload_bytes", "total_bytes", "energy_j")
"""Axes of a target: virtual time, client updates, bytes up, bytes up and down, joules."""

WIDTHS_PER_HORIZON = 40
"""How many windows of the smoothing one horizon holds: each is one or two rounds of FedAvg."""
EVALUATIONS_PER_WIDTH = 4
"""How many evaluations a window spans at least, so that the mean of a coarse curve is not noise."""

_FORMAT = "ftte_lab history 1"


@dataclass(frozen=True, eq=False)
class History:
    """Hold the record of one run.

    Curves are read smoothed: at each point the mean over a window of virtual time around it, as
    wide for every method. A mean over a number of points would delay methods whose points lie far
    apart.

    Attributes:
        scenario: the scenario as plain values.
        points: one row per evaluation: `version`, the `AXES`, `accuracy`, `loss`, `accuracy_<kind>`
            per device kind, `straggler_accuracy` (slowest tenth of the devices) and
            `worst_decile_accuracy` (of clients); `faulty_weight` so far; `survival` of batteries.
        facts: numbers of the entire run (peak memory, payload, rejected updates, ...).
    """

    scenario: Mapping[str, Any]
    points: pd.DataFrame
    facts: Mapping[str, Any]

    @property
    def width_s(self) -> float:
        """Return the width of the smoothing, wherever the run ended (see `smoothing_width_s`).

        Raises:
            ValueError: the scenario has no horizon.
        """
        known = "horizon_s" in self.scenario
        require(known, "the scenario has no horizon_s", "a scenario with one", "Pass width_s")
        horizon_s = float(self.scenario["horizon_s"])
        return smoothing_width_s(horizon_s, self.scenario.get("evaluations"))

    def smoothed(self, column: str = "accuracy", width_s: float | None = None) -> pd.Series:
        """Average a column over the virtual time around each point.

        Args:
            column: of `points`.
            width_s: virtual seconds of the window; `None`: see `smoothing_width_s`; 0: none.

        Raises:
            ValueError: an unknown column or a negative width.
        """
        choice("column", column, [str(c) for c in self.points.columns])
        width_s = self.width_s if width_s is None else width_s
        values = smooth(self._times(), self.points[column].to_numpy(), width_s)
        return pd.Series(values, self.points.index, name=column)

    def best(self, width_s: float | None = None) -> float:
        """Return the best smoothed test accuracy of the run."""
        return float(self.smoothed(width_s=width_s).max())

    def final(self, column: str = "accuracy", width_s: float | None = None) -> float:
        """Return the smoothed value at the end of the run: the mean over the last half window."""
        return float(self.smoothed(column, width_s).iloc[-1])

    def level(self, until_s: float | None = None) -> float:
        """Average the test accuracy over virtual time; a server rate is judged by it.

        Args:
            until_s: virtual seconds; `None`: the last point. Beyond it the last value is held.
        """
        times, accuracy = self._times(), self.points["accuracy"].to_numpy()
        end = times[-1] if until_s is None else until_s
        if end <= times[0]:
            return float(accuracy[0])
        at = np.append(times[times < end], end)
        return float(np.trapezoid(np.interp(at, times, accuracy), at) / (end - times[0]))

    def time_to(
        self, target: float, of: str = "sim_seconds", width_s: float | None = None
    ) -> float | None:
        """Return what it took until the smoothed accuracy first reached a target, or `None`.

        The answer is never earlier than half a window: the mean around an earlier point is one over
        later points alone.

        Args:
            target: test accuracy from 0 to 1.
            of: one of `AXES`.
            width_s: of the smoothing, see `smoothed`.

        Raises:
            ValueError: a target outside 0 to 1, an unknown axis or a negative width.

        Example:
            >>> import pandas as pd
            >>> times, accuracy = [0.0, 10.0, 20.0, 30.0], [0.1, 0.5, 0.9, 0.9]
            >>> points = pd.DataFrame({"sim_seconds": times, "accuracy": accuracy})
            >>> history = History({"horizon_s": 40.0}, points, {})
            >>> history.time_to(0.8)
            20.0
        """
        number("target", target, 0, 1, fix="An accuracy is a share, not a percentage")
        choice("of", of, AXES)
        width_s = self.width_s if width_s is None else width_s
        at = first_reached(
            self._times(), self.smoothed(width_s=width_s).to_numpy(), target, width_s
        )
        return None if at is None else float(self.points[of].iloc[at])

    def levelled_off(
        self, share: float = 0.25, tolerance: float = 0.01, width_s: float | None = None
    ) -> bool:
        """Report whether the run stopped climbing before the last `share` of its time.

        It did if the best smoothed accuracy until then is within `tolerance` of the best of all. A
        target taken from a run that still climbs would flatter whoever is compared with it.
        """
        curve, times = self.smoothed(width_s=width_s), self._times()
        early = curve[times <= (1 - share) * times[-1]]
        return not early.empty and float(early.max()) >= float(curve.max()) - tolerance

    def _times(self) -> np.ndarray:
        return self.points["sim_seconds"].to_numpy(np.float64)

    def to_json(self) -> str:
        """Return the run as one line of JSON."""
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
        """Read what `to_json` wrote.

        Raises:
            ValueError: text that is not a history.
        """
        try:
            raw = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"the text is not JSON ({error}); allowed: what History.to_json writes."
            ) from error
        ok = (
            isinstance(raw, dict)
            and raw.get("format") == _FORMAT
            and {"scenario", "facts", "points"} <= set(raw)
        )
        require(ok, "the text is not a history", f"one of format {_FORMAT!r}", "Save it again")
        return cls(raw["scenario"], pd.DataFrame(raw["points"]), raw["facts"])

    def save(self, path: str | Path) -> Path:
        """Write the run as one JSON file, completely or not at all.

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
            ValueError: if the file is missing, cut off, or not a history.
        """
        try:
            return cls.from_json(Path(path).read_text())
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{str(path)!r} cannot be read ({error}); allowed: a file that History.save wrote."
            ) from error


def smoothing_width_s(horizon_s: float, evaluations: int | None = None) -> float:
    """Return the width of the smoothing, the same for all methods of a comparison.

    It is a fortieth of the horizon, and at least four evaluations wide (our choice).

    Args:
        horizon_s: virtual seconds.
        evaluations: points of a curve at most, or `None` if they are dense.

    Example:
        >>> smoothing_width_s(8000, 401), smoothing_width_s(2400, 61)
        (200.0, 160.0)
    """
    width_s = horizon_s / WIDTHS_PER_HORIZON
    if evaluations is None:
        return width_s
    return max(width_s, EVALUATIONS_PER_WIDTH * horizon_s / (evaluations - 1))


def smooth(times: ArrayLike, values: ArrayLike, width_s: float) -> np.ndarray:
    """Average values over `width_s` virtual seconds around each of their times.

    Values are joined by straight lines. The window is centred, and cut off at both ends of the run.

    Args:
        times: ascending, `(points,)`.
        values: `(points,)`.
        width_s: width of the window; 0: the values themselves.

    Raises:
        ValueError: a negative width.

    Example:
        >>> smooth([0.0, 1.0, 2.0], [0.0, 1.0, 0.0], 1.0).tolist()
        [0.25, 0.75, 0.25]
    """
    number("width_s", width_s, 0)
    t, y = np.asarray(times, np.float64), np.asarray(values, np.float64)
    if width_s == 0 or len(t) < 2 or t[0] == t[-1]:
        return y.copy()
    area = np.concatenate([[0.0], np.cumsum((y[1:] + y[:-1]) / 2 * np.diff(t))])
    low = np.clip(t - width_s / 2, t[0], t[-1])
    high = np.clip(t + width_s / 2, t[0], t[-1])

    def area_until(x: np.ndarray) -> np.ndarray:
        k = np.clip(np.searchsorted(t, x, side="right") - 1, 0, len(t) - 2)
        share = (x - t[k]) / (t[k + 1] - t[k])
        here = y[k] + share * (y[k + 1] - y[k])
        return np.asarray(area[k] + (x - t[k]) * (y[k] + here) / 2)

    return np.asarray((area_until(high) - area_until(low)) / (high - low))


def first_reached(
    times: ArrayLike, smoothed: ArrayLike, target: float, width_s: float
) -> int | None:
    """Return the index of the first point whose smoothed value reaches a target, or `None`.

    Points before half a window do not count: the mean around them is one over later points alone.

    Args:
        times: `(points,)`.
        smoothed: what `smooth` made of the values, `(points,)`.
        target: least value.
        width_s: of the smoothing.
    """
    counts = np.asarray(times, np.float64) >= width_s / 2
    at = np.flatnonzero(counts & (np.asarray(smoothed) >= target))
    return int(at[0]) if len(at) else None


def faster(baseline: float | None, other: float | None) -> dict[str, float | None]:
    """Compute both readings of "faster" from two times to the target.

    `time_saved` is `1 - other / baseline`, `speed_gain` is `baseline / other - 1`. "81 % faster" is
    0.19 of the time under the first, 0.55 of it under the second. Which one the authors mean is not
    known to us, so the kit prints both. Each is `None` where a run never reached the target.

    Example:
        >>> faster(100.0, 50.0)
        {'time_saved': 0.5, 'speed_gain': 1.0}
    """
    if not baseline or not other:
        return {"time_saved": None, "speed_gain": None}
    return {"time_saved": 1 - other / baseline, "speed_gain": baseline / other - 1}


def saved(baseline: float, other: float) -> float:
    """Return the share of `baseline` that `other` saves; nan for a baseline of 0."""
    return 1 - other / baseline if baseline else math.nan
