"""Say in a few numbers what each method reaches and costs, against FedAvg, and in one sentence.

Memory, bytes of an update and devices left without a step are known before any training. Time,
energy and accuracy follow while a run goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ftte_lab._common import number, percent, require, seconds, size
from ftte_lab.simulation import METHODS, History, Prepared

TARGET_SHARE = 0.95
"""Share of FedAvg's best accuracy to which methods are timed."""

AUTHORS: Mapping[str, float] = {"time_s": 0.81, "memory_bytes": 0.80, "upload_bytes": 0.69}
"""What the authors of FTTE report to save against FedAvg, as shares (arXiv 2510.03165)."""

_LEVEL = 0.01  # accuracies that are nearer than this count as level: twice the noise of a run


@dataclass(frozen=True)
class Score:
    """Hold what one method reaches and costs; `None`: not reached, or not known yet.

    Attributes:
        method: its name.
        memory_bytes: peak of a training step on the weakest device.
        upload_bytes: of one update, on the weakest device.
        too_small: devices that cannot hold the step.
        devices: devices in the fleet.
        accuracy: test accuracy so far, smoothed, from 0 to 1.
        time_s: virtual seconds until the target.
        energy_j: joules of the fleet until the target.
        total_bytes: bytes up and down until the target.
    """

    method: str
    memory_bytes: float
    upload_bytes: float
    too_small: int
    devices: int
    accuracy: float | None = None
    time_s: float | None = None
    energy_j: float | None = None
    total_bytes: float | None = None

    @property
    def label(self) -> str:
        """Return the method's name as people write it."""
        return METHODS[self.method].label if self.method in METHODS else self.method

    def saved(self, other: Score, what: str) -> float | None:
        """Return the share that this method saves of another's figure, or `None` if one is missing.

        Example:
            >>> ours, theirs = Score("ftte", 120.0, 12.0, 0, 9), Score("fedavg", 600.0, 40.0, 4, 9)
            >>> round(ours.saved(theirs, "memory_bytes"), 6), ours.saved(theirs, "time_s")
            (0.8, None)
        """
        mine, base = getattr(self, what), getattr(other, what)
        return None if mine is None or not base else 1 - mine / base


@dataclass(frozen=True)
class Scoreboard:
    """Hold the scores of methods that run side by side.

    Attributes:
        scores: by method.
        target: test accuracy to which they are timed; `None`: not known yet.
        base: the method that the others are compared with, or `None` if it does not run.
    """

    scores: Mapping[str, Score]
    target: float | None
    base: str | None

    def table(self) -> pd.DataFrame:
        """Return the scores as a table with a row per method and readable columns."""
        rows = {score.label: _row(score) for score in self.scores.values()}
        return pd.DataFrame.from_dict(rows, orient="index")

    def verdict(self) -> str:
        """Return one or two sentences: what FTTE wins, and against whom it ends where."""
        ours = self.scores.get("ftte")
        if ours is None:
            return ""
        base = self.scores.get(self.base or "")
        first = _against_base(ours, base, self.target) if base else _alone(ours)
        rivals = (self.scores[n] for n in ("fedbuff_average", "fedbuff") if n in self.scores)
        rival = next(rivals, None)
        return f"{first} {_against_rival(ours, rival)}".strip() if rival else first


def scoreboard(
    prepared: Mapping[str, Prepared],
    points: Mapping[str, Any] | None = None,
    *,
    target: float | None = None,
    base: str = "fedavg",
) -> Scoreboard:
    """Return what methods reach and cost, from the start or from what has run so far.

    Args:
        prepared: prepared runs by method, at least one.
        points: by method, columns as in `History.points`; a method may be missing or be empty.
        target: test accuracy from 0 to 1; `None`: 95 % of the base method's best so far.
        base: the method that the others are compared with.

    Raises:
        ValueError: no method, or a target outside 0 to 1.

    Example:
        >>> from ftte_lab import Scenario, prepare
        >>> s = Scenario(data="digits", model="mlp", clients=6, concurrency=3, buffer=2,
        ...              warm_start_steps=0, horizon_s=20.0)
        >>> board = scoreboard({name: prepare(s.as_method(name)) for name in ("fedavg", "ftte")})
        >>> board.scores["ftte"].time_s, board.base
        (None, 'fedavg')
    """
    require(bool(prepared), "no method is prepared", "at least one")
    if target is not None:
        number("target", target, 0, 1, fix="An accuracy is a share, not a percentage")
    histories = _histories(prepared, points or {})
    if target is None and base in histories:
        target = TARGET_SHARE * histories[base].best()
    scores = {
        name: _score(name, run, histories.get(name), target) for name, run in prepared.items()
    }
    return Scoreboard(scores, target, base if base in prepared else None)


def _histories(prepared: Mapping[str, Prepared], points: Mapping[str, Any]) -> dict[str, History]:
    tables = {name: pd.DataFrame(points[name]) for name in prepared if name in points}
    return {
        name: History(prepared[name].scenario.to_dict(), table, {})
        for name, table in tables.items()
        if len(table)
    }


def _score(name: str, run: Prepared, history: History | None, target: float | None) -> Score:
    known = Score(
        name,
        float(run.bill.peak_bytes),
        float(run.traffic.upload),
        int((~run.holds).sum()),
        len(run.holds),
    )
    if history is None:
        return known
    to = {"time_s": "sim_seconds", "energy_j": "energy_j", "total_bytes": "total_bytes"}
    reached = {
        what: None if target is None else history.time_to(target, of) for what, of in to.items()
    }
    return Score(**{**vars(known), "accuracy": history.final(), **reached})


def _row(score: Score) -> dict[str, str]:
    """Return the cells of one method."""

    def cell(value: float | None, form: Any) -> str:
        return "–" if value is None else str(form(value))

    return {
        "time to target": cell(score.time_s, seconds),
        "memory, weakest device": size(score.memory_bytes),
        "sent per update": size(score.upload_bytes, digits=1),
        "accuracy": cell(score.accuracy, lambda share: percent(share, digits=1)),
        "energy to target": cell(score.energy_j, lambda joules: f"{joules:,.0f} J"),
        "cannot take part": f"{score.too_small} of {score.devices}" if score.too_small else "none",
    }


def _against_base(ours: Score, base: Score, target: float | None) -> str:
    memory = f"in {size(ours.memory_bytes)} instead of {size(base.memory_bytes)}"
    upload = f"with {percent(ours.upload_bytes / base.upload_bytes)} of the bytes per update"
    if ours.accuracy is None or base.accuracy is None or target is None:
        return f"{ours.label} trains {memory} for {base.label}, {upload}."
    if ours.time_s is None:
        return f"{ours.label} has not reached {percent(target)}; it trains {memory}, {upload}."
    if not base.time_s:
        return f"{ours.label} reaches {percent(target)}, {memory}, {upload}."
    times = base.time_s / ours.time_s
    pace = f"{times:.1f} times sooner" if times >= 1 else f"{1 / times:.1f} times later"
    return (
        f"{ours.label} reaches {percent(target)} {pace} than {base.label}, {memory}, {upload}, and "
        f"{_ends(ours.accuracy - base.accuracy)}."
    )


def _alone(ours: Score) -> str:
    return f"{ours.label} trains in {size(ours.memory_bytes)}."


def _against_rival(ours: Score, rival: Score) -> str:
    if ours.accuracy is None or rival.accuracy is None:
        return ""
    share = percent(ours.upload_bytes / rival.upload_bytes)
    ends = _ends(ours.accuracy - rival.accuracy)
    memory = f"in {size(ours.memory_bytes)} instead of {size(rival.memory_bytes)}"
    return f"Against {rival.label} it {ends}, {memory}, with {share} of the bytes per update."


def _ends(ahead: float) -> str:
    if abs(ahead) < _LEVEL:
        return "ends level"
    points = f"{100 * abs(ahead):.1f} points"
    return f"ends {points} higher" if ahead > 0 else f"ends {points} lower"
