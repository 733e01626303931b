"""Record a run: a tidy table of points over virtual time, and what the run cost.

A chart, a table or a grader needs nothing else. No torch is involved, so that a saved history can
be read anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ftte_lab._common import brief, choice, number, require, write_atomic, writing_to
from ftte_lab.simulation.history_text import read_history, write_history
from ftte_lab.simulation.smoothing import first_reached, smooth, smoothing_width_s

if TYPE_CHECKING:  # most of a second of importing, which a node without a record does not need
    import pandas as pd

AXES = ("sim_seconds", "updates", "upload_bytes", "total_bytes", "energy_j")
"""Axes of a target: virtual time, client updates, bytes up, bytes up and down, joules."""


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
        import pandas as pd

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
        """Return the run as one line of strict JSON."""
        points = {str(c): self.points[c].tolist() for c in self.points.columns}
        return write_history(dict(self.scenario), dict(self.facts), points)

    @classmethod
    def from_json(cls, text: str | bytes) -> History:
        """Read what `to_json` wrote, in this edition or an earlier one.

        Raises:
            ValueError: text that is not a history.
        """
        import pandas as pd

        scenario, facts, points = read_history(text)
        return cls(scenario, pd.DataFrame(points), facts)

    def save(self, path: str | Path) -> Path:
        """Write the run as one JSON file, completely or not at all.

        Raises:
            ValueError: the folder does not exist, may not be written, or is full.
        """
        path = Path(path)
        require(
            path.parent.is_dir(),
            f"folder {str(path.parent)!r} does not exist",
            "an existing folder",
            "Create it first",
        )
        with writing_to(path.parent, "Choose another folder"):
            write_atomic(path, self.to_json().encode())
        return path

    @classmethod
    def load(cls, path: str | Path) -> History:
        """Read what `save` wrote.

        Raises:
            ValueError: if the file is missing, cut off, or not a history.
        """
        try:
            return cls.from_json(Path(path).read_bytes())
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{str(path)!r} cannot be read ({brief(error)}); "
                "allowed: a file that History.save wrote."
            ) from error


def faster(baseline: float | None, other: float | None) -> dict[str, float | None]:
    """Compute both readings of "faster" from two times to the target.

    `time_saved` is `1 - other / baseline`, `speed_gain` is `baseline / other - 1`. "81 % faster" is
    0.19 of the time under the first, 0.55 of it under the second. Which one the authors mean is not
    known to us, so the kit prints both. Each is `None` where a run never reached the target, or
    where it would divide by 0.

    Raises:
        ValueError: a time that is negative or not finite.

    Example:
        >>> faster(100.0, 50.0)
        {'time_saved': 0.5, 'speed_gain': 1.0}
    """
    if baseline is None or other is None:
        return {"time_saved": None, "speed_gain": None}
    before, now = number("baseline", baseline, 0), number("other", other, 0)
    share, times = _over(now, before), _over(before, now)
    return {
        "time_saved": None if share is None else 1 - share,
        "speed_gain": None if times is None else times - 1,
    }


def _over(a: float, b: float) -> float | None:
    """Divide; `None`, where the answer is no finite number."""
    ratio = math.inf if b == 0 else a / b
    return ratio if math.isfinite(ratio) else None


def saved(baseline: float, other: float) -> float:
    """Return the share of `baseline` that `other` saves; nan for a baseline of 0.

    Raises:
        ValueError: a number that is not finite.
    """
    most = 1e300
    ratio = _over(number("other", other, -most, most), number("baseline", baseline, -most, most))
    return math.nan if ratio is None else 1 - ratio
