"""Search for the value of one knob that does something, with few runs.

A threshold ("the smallest memory budget that reaches 90 %") is found by halving a gap, a minimum
("the cheapest buffer capacity in bytes") by refining around the best value. Every run is kept, so
the same question is answered at once the next time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ftte_lab.experiments.crew import Crew, Landed
from ftte_lab.experiments.kept_runs import runs_home, tidy
from ftte_lab.experiments.question import Finding, Question, Trial
from ftte_lab.experiments.tries import (
    MOST_FOR_CHEAPEST,
    cheapest_tries,
    most_threshold_tries,
    threshold_tries,
)
from ftte_lab.simulation import Scenario

_NOTHING_FITS = "no subset fits the memory"


class Runs(Protocol):
    """Run scenarios for a search, as a `Crew` does."""

    def gather(self, scenarios: list[Scenario], /) -> Iterator[Landed | None]:
        """Yield each run as it ends, and `None` now and then."""

    def seconds_left(self, still_s: float, /) -> float | None:
        """Estimate the real seconds for the runs asked for and some more virtual seconds."""


def find(question: Question, crew: Runs | None = None) -> Iterator[Finding]:
    """Search for an answer; yield what is known so far, the answer last.

    Args:
        question: what is asked.
        crew: what runs the scenarios; cancel it to end the search. `None`: processes of this
            machine, and results in the data home (a script then needs
            `if __name__ == "__main__":`).

    Raises:
        StoppedError: the crew was cancelled.
        ValueError: a folder that cannot be written, or workers that die.

    Example:
        >>> from ftte_lab.experiments import Comparison
        >>> question = Question(Comparison(Scenario()), "buffer", "smallest", 0.0, seeds=1)
        >>> search = find(question)  # nothing runs before the first `next(search)`
        >>> search.close()
    """
    own = Crew(runs_home()) if crew is None else None
    search = _Search(question, own or crew)  # type: ignore[arg-type]
    try:
        while places := search.next_places():
            yield from search.run(places)
        yield search.finding(finished=True)
    finally:
        if own is not None:
            own.close()
            tidy(runs_home())


class _Search:
    """Hold the trials of one search by their place on the scale."""

    def __init__(self, question: Question, crew: Runs) -> None:
        self._ask, self._crew = question, crew
        self._scale = question.scale
        self._costs: dict[int, dict[int, float]] = {}
        self._reasons: dict[int, str] = {}
        self._running: list[int] = []

    def next_places(self) -> list[int]:
        """Return what to try next."""
        finding, count = self.finding(), len(self._scale)
        if self._ask.want == "cheapest":
            costs = {self._scale.index(t.value): t.median for t in finding.trials}
            return cheapest_tries(count, costs)
        does = {self._turned(self._scale.index(t.value)): finding.does(t) for t in finding.trials}
        return [self._turned(place) for place in threshold_tries(count, does)]

    def run(self, places: list[int]) -> Iterator[Finding]:
        """Run all seeds of some places."""
        asked: dict[Scenario, tuple[int, int]] = {}
        for place in places:
            self._costs[place] = {}
            try:
                for k in range(self._ask.seeds):
                    asked[self._ask.scenario(self._scale[place], k)] = place, k
            except ValueError as error:
                self._reasons[place] = str(error)
        self._running = [place for place in places if place not in self._reasons]
        for landed in self._crew.gather(list(asked)):
            if landed is not None:
                self._note(*asked[landed.scenario], landed)
            yield self.finding()
        self._running = []

    def _note(self, place: int, k: int, landed: Landed) -> None:
        if landed.history is not None:
            self._costs[place][k] = self._ask.cost(landed.history)
        else:
            fits = not landed.error.startswith("BudgetError")
            self._reasons[place] = landed.error if fits else _NOTHING_FITS
        if place in self._reasons or len(self._costs[place]) == self._ask.seeds:
            self._running = [other for other in self._running if other != place]

    def finding(self, finished: bool = False) -> Finding:
        """Return what is known so far."""
        done = sum(len(costs) for costs in self._costs.values())
        horizon_s = max(self._ask.comparison.scenario.horizon_s, self._ask.within or 0)
        still = 0 if finished else max(0, self._most() - len(self._costs)) * self._ask.seeds
        if self._ask.of != "sim_seconds":
            horizon_s = self._ask.comparison.scenario.horizon_s
        return Finding(
            self._ask,
            tuple(self._trial(place) for place in sorted(self._costs)),
            tuple(self._scale[place] for place in sorted(self._running)),
            done,
            done if finished else self._most() * self._ask.seeds,
            0.0 if finished else self._crew.seconds_left(still * horizon_s),
            finished,
        )

    def _trial(self, place: int) -> Trial:
        if place in self._reasons:
            return Trial(self._scale[place], (), self._reasons[place])
        costs = self._costs[place]
        return Trial(self._scale[place], tuple(costs[k] for k in sorted(costs)))

    def _most(self) -> int:
        """Return how many places are tried at most."""
        if self._ask.want == "cheapest":
            return min(MOST_FOR_CHEAPEST, len(self._scale))
        return most_threshold_tries(len(self._scale))

    def _turned(self, place: int) -> int:
        """Return a place counted from the end at which the knob does least."""
        return place if self._ask.want == "smallest" else len(self._scale) - 1 - place
