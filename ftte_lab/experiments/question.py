"""What a search is asked, and what it has tried so far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ftte_lab._common import choice, integer, number, require
from ftte_lab.experiments.comparison import Comparison
from ftte_lab.experiments.knob_values import knob_values
from ftte_lab.simulation import AXES, METHODS, History, Scenario

WANTS = ("smallest", "largest", "cheapest")
MOST_SEEDS = 10
_LARGEST = 1e15


@dataclass(frozen=True)
class Question:
    """Ask for a value of one knob with which a method reaches an accuracy.

    Attributes:
        comparison: the fleet, and what each method has of its own.
        knob: which setting may change, one of `NUMERIC`.
        want: its smallest or largest value that does, or the one that does it most cheaply.
        target: test accuracy from 0 to 1.
        of: what counts as cost, one of `AXES`.
        within: the most that it may cost (s, updates, bytes or J); `None`: a run's whole horizon.
        method: whose runs are tried.
        seeds: how many runs of each value; their median decides.
        low, high: ends of the range; `None`: the knob's own.

    Raises:
        ValueError: an unknown name, a number out of range, or a knob that does nothing here.

    Example:
        >>> ask = Question(Comparison(Scenario()), "buffer", "cheapest", target=0.9)
        >>> ask.scale[:3], ask.scenario(5, 1).buffer
        ([1, 2, 3], 5)
        >>> Question(ask.comparison, "buffer", "smallest", target=0.9, method="fedavg")
        Traceback (most recent call last):
        ValueError: buffer does nothing for FedAvg; allowed: a setting that its runs depend on.
    """

    comparison: Comparison
    knob: str
    want: str
    target: float
    of: str = "sim_seconds"
    within: float | None = None
    method: str = "ftte"
    seeds: int = 3
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        choice("want", self.want, WANTS)
        choice("method", self.method, METHODS)
        choice("of", self.of, AXES)
        number("target", self.target, 0, 1, fix="An accuracy is a share, not a percentage")
        integer("seeds", self.seeds, 1, MOST_SEEDS)
        if self.within is not None:
            number("within", self.within, 1e-9, _LARGEST)
        ends = [self._runs_at(value) for value in (self.scale[0], self.scale[-1])]
        problem = f"{self.knob} does nothing for {METHODS[self.method].label}"
        require(ends[0] is None or ends[0] != ends[1], problem, "a setting that its runs depend on")

    @property
    def scale(self) -> list[float]:
        """Return the values that may be tried, in ascending order."""
        return knob_values(self.knob, self.low, self.high)

    def scenario(self, value: float, k: int) -> Scenario:
        """Return the run of a value with the k-th seed.

        Raises:
            ValueError: a value that does not go with the other settings.
        """
        changed = self.comparison.set(**{self.knob: value})
        if self.of == "sim_seconds" and (self.within or 0) > changed.scenario.horizon_s:
            changed = changed.set(horizon_s=self.within)
        return changed.run(self.method, changed.scenario.seed + k)

    def cost(self, history: History) -> float:
        """Return what a run took until it reached the target; infinite: it did not."""
        found = history.time_to(self.target, self.of)
        return math.inf if found is None else found

    def _runs_at(self, value: float) -> Scenario | None:
        try:
            return self.scenario(value, 0)
        except ValueError:
            return None


@dataclass(frozen=True)
class Trial:
    """Hold what one value of the knob gave.

    Attributes:
        value: of the knob.
        costs: one per seed that has ended, by seed; infinite: the target was not reached.
        reason: why it cannot be run, in one line; empty if it can.
    """

    value: float
    costs: tuple[float, ...] = ()
    reason: str = ""

    @property
    def median(self) -> float:
        """Return the cost of the middle seed, of an even number the dearer of the two middle ones.

        Example:
            >>> Trial(5, (3.0, math.inf, 2.0)).median, Trial(5, (), "no subset fits").median
            (3.0, inf)
        """
        return sorted(self.costs)[len(self.costs) // 2] if self.costs else math.inf

    def within(self, most: float | None) -> int:
        """Return how many seeds reached the target for at most this much; `None`: at all."""
        limit = math.inf if most is None else most
        return sum(math.isfinite(cost) and cost <= limit for cost in self.costs)


@dataclass(frozen=True)
class Finding:
    """Hold what a search has found so far.

    Attributes:
        question: what was asked.
        trials: the values that were tried, in ascending order.
        running: the values whose runs have not all ended.
        done, expected: runs that have ended, and that are needed at most.
        seconds_left: real seconds, or `None` if there is nothing to go by yet.
        finished: whether this is the answer.
    """

    question: Question
    trials: tuple[Trial, ...]
    running: tuple[float, ...] = ()
    done: int = 0
    expected: int = 0
    seconds_left: float | None = None
    finished: bool = False

    @property
    def answer(self) -> Trial | None:
        """Return the trial that answers the question so far, or `None` if none does."""
        ask, complete = self.question, self.complete
        if ask.want == "cheapest":
            best = min(complete, key=lambda t: t.median, default=None)
            return best if best is not None and math.isfinite(best.median) else None
        good = [trial for trial in complete if self.does(trial)]
        return next(iter(good if ask.want == "smallest" else reversed(good)), None)

    @property
    def complete(self) -> list[Trial]:
        """Return the trials whose runs have all ended."""
        return [trial for trial in self.trials if trial.value not in self.running]

    @property
    def beside(self) -> Trial | None:
        """Return the trial next to the answer that does not do it, or `None` at the end."""
        found, complete = self.answer, self.complete
        if found is None or self.question.want == "cheapest":
            return None
        at = complete.index(found) + (-1 if self.question.want == "smallest" else 1)
        return complete[at] if 0 <= at < len(complete) else None

    def does(self, trial: Trial) -> bool:
        """Return whether the middle seed reaches the target for at most what is allowed."""
        most = self.question.within
        return math.isfinite(trial.median) and (most is None or trial.median <= most)


def as_plain(value: float) -> Any:
    """Return a number for JSON: `None` where it is infinite."""
    return value if math.isfinite(value) else None
