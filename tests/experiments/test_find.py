"""Find: the threshold to the step, the minimum exactly, few runs, and honest words."""

import itertools
import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.experiments import (
    NUMERIC,
    Comparison,
    Crew,
    Finding,
    Grid,
    Landed,
    Question,
    StoppedError,
    find,
    in_words,
    knob_values,
    runs_home,
    spread,
    summarise,
    tidy,
)
from ftte_lab.experiments.tries import (
    MOST_FOR_CHEAPEST,
    cheapest_tries,
    most_threshold_tries,
    threshold_tries,
)
from ftte_lab.server import STALENESS
from ftte_lab.simulation import History, Scenario, run
from tests.tiny import TINY

BASE = Comparison(Scenario())
Answer = float | str | None  # seconds to the target, not reached, or why it cannot run


def history(reached_s: float | None) -> History:
    """A record that jumps to 95 % at a moment, or stays low."""
    top, at = (0.2, 1000.0) if reached_s is None else (0.95, reached_s)
    times = [0.0, at - 1.0, at, at + 100.0, at + 20_000.0]
    points = {"sim_seconds": times, "accuracy": [0.1, 0.1, top, top, top]}
    points["total_bytes"] = [1e4 * t for t in times]
    return History({"horizon_s": 1e-3}, pd.DataFrame(points), {})


class FakeCrew:
    """Answer from a function of the scenario, and count."""

    def __init__(self, answer: Callable[[Scenario], Answer]) -> None:
        self.answer, self.ran = answer, 0

    def gather(self, scenarios: list[Scenario]) -> Iterator[Landed | None]:
        for scenario in scenarios:
            self.ran += 1
            found = self.answer(scenario)
            yield None
            if isinstance(found, str):
                yield Landed(scenario, None, found)
            else:
                yield Landed(scenario, history(found))

    def seconds_left(self, still_s: float) -> float | None:
        return still_s


def budget(s: Scenario) -> float:
    assert s.budget_kib is not None
    return s.budget_kib


def buffer(s: Scenario) -> int:
    assert s.buffer is not None
    return s.buffer


def ask(want: str = "smallest", knob: str = "budget_kib", **more: Any) -> Question:
    more = {"target": 0.9, "within": 1200.0, **more}
    return Question(BASE, knob, want, **more)


def answered(question: Question, answer: Callable[[Scenario], Answer]) -> tuple[Finding, FakeCrew]:
    crew = FakeCrew(answer)
    *_, last = find(question, crew)
    assert last.finished
    assert last.done <= last.expected
    return last, crew


@given(st.integers(2, 64), st.data())
def test_a_threshold_is_found_to_the_step_with_few_tries(count: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, count))  # the lowest place that does; count: none
    known: dict[int, bool] = {}
    while places := threshold_tries(count, known):
        assert not set(places) & set(known)
        known |= {place: place >= first for place in places}
    good = [place for place, ok in known.items() if ok]
    assert (min(good) if good else count) == first
    if first > 0:
        assert known[first - 1] is False
    assert len(known) <= most_threshold_tries(count) <= 5 + math.ceil(math.log2(count))


@given(st.lists(st.booleans(), min_size=2, max_size=64))
def test_any_answers_end_beside_a_value_that_does_not(does: list[bool]) -> None:
    known: dict[int, bool] = {}
    while places := threshold_tries(len(does), known):
        known |= {place: does[place] for place in places}
    if good := [place for place, ok in known.items() if ok]:
        assert min(good) == 0 or known[min(good) - 1] is False
    assert len(known) <= most_threshold_tries(len(does))


@given(st.integers(2, 64), st.data())
def test_the_minimum_of_a_valley_is_found(count: int, data: st.DataObject) -> None:
    bottom = data.draw(st.integers(0, count - 1))
    steep = data.draw(st.floats(0.5, 3))
    known: dict[int, float] = {}
    while places := cheapest_tries(count, known):
        assert not set(places) & set(known)
        known |= {place: 1 + abs(place - bottom) ** steep for place in places}
    assert min(known, key=lambda k: known[k]) == bottom
    assert len(known) <= MOST_FOR_CHEAPEST


@given(st.lists(st.floats(1, 2) | st.just(math.inf), min_size=2, max_size=64))
def test_a_search_for_the_cheapest_ends_whatever_it_finds(costs: list[float]) -> None:
    known: dict[int, float] = {}
    while places := cheapest_tries(len(costs), known):
        assert not set(places) & set(known)
        known |= {place: costs[place] for place in places}
    assert len(known) <= MOST_FOR_CHEAPEST


@settings(max_examples=20)
@given(st.floats(60, 2100), st.integers(0, 2))
def test_find_ends_at_the_threshold_of_the_middle_seed(edge: float, shift: int) -> None:
    def answer(s: Scenario) -> Answer:
        return 600.0 if budget(s) >= edge * 1.3 ** (s.seed - shift) else 2000.0

    question = ask()
    last, crew = answered(question, answer)
    middle = edge * 1.3 ** (1 - shift)  # two of the three seeds reach it from here on
    right = [value for value in question.scale if value >= middle]
    assert (last.answer.value if last.answer else None) == (right[0] if right else None)
    assert crew.ran == last.done <= 3 * most_threshold_tries(len(question.scale))
    if last.answer and last.beside:
        assert (
            question.scale.index(last.answer.value) == question.scale.index(last.beside.value) + 1
        )


def test_the_largest_value_is_found_from_the_other_end() -> None:
    question = ask("largest", "straggler_share")
    last, _ = answered(question, lambda s: 100 + 1500 * s.straggler_share + 40 * s.seed)
    assert last.answer is not None
    assert last.answer.value == 0.7  # the middle seed: 140 + 1500 x 0.7 = 1190
    assert "between 70 % and 75 %" in in_words(last)


def test_memory_below_the_floor_counts_as_cannot_train() -> None:
    last, _ = answered(ask(), lambda s: "BudgetError: no" if budget(s) < 130 else 100.0)
    assert last.answer is not None
    assert last.answer.value == pytest.approx(139.585)
    assert "no subset fits the memory" in in_words(last)
    nothing, _ = answered(ask(), lambda s: "BudgetError: no")
    assert nothing.answer is None
    assert (
        in_words(nothing) == "Nothing from 64 KiB to 2,048 KiB does it: no subset fits the memory."
    )


def test_words_are_honest_about_doubts() -> None:
    never, _ = answered(ask(), lambda s: None)
    assert never.answer is None
    assert in_words(never).startswith("Nothing from 64 KiB to 2,048 KiB does it with FTTE")
    hill, _ = answered(ask(), lambda s: 100.0 if 150 < budget(s) < 500 else None)
    assert "No clean threshold: values that are larger fail, too" in in_words(hill)
    split, _ = answered(ask(), lambda s: 100.0 if s.seed < 2 else None)
    assert "2 of 3 seeds" in in_words(split)
    assert "The seeds disagree" in in_words(split)
    one, _ = answered(ask(seeds=1), lambda s: 100.0)
    assert "One seed is no proof." in in_words(one)
    assert "Already 64 KiB" in in_words(one)


def test_the_cheapest_value_and_who_is_level_with_it() -> None:
    question = ask("cheapest", "buffer", of="total_bytes", within=None)
    clear, _ = answered(question, lambda s: 400 + (buffer(s) - 12) ** 2 + s.seed)
    assert clear.answer is not None
    assert clear.answer.value == 12
    assert "do not agree" not in in_words(clear)
    noisy, _ = answered(question, lambda s: 400 + 9 * abs(buffer(s) - 12 - 2 * s.seed))
    assert "the seeds do not agree which value is cheaper" in in_words(noisy)
    edge, _ = answered(question, lambda s: 400.0 + buffer(s))
    assert "It is the end of the range" in in_words(edge)


def test_values_that_do_not_go_together_are_no_error() -> None:
    base = Comparison(Scenario(clients=20, concurrency=10, buffer=5))
    question = Question(base, "concurrency", "largest", 0.9, within=1200.0)
    crew = FakeCrew(lambda s: 100.0)
    *_, last = find(question, crew)
    assert last.answer is not None
    assert last.answer.value <= 20
    assert last.beside is not None
    assert "the number of clients" in last.beside.reason


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"knob": "seed"}, "knob"),
        ({"want": "best"}, "want"),
        ({"target": 90}, "not a percentage"),
        ({"seeds": 0}, "seeds"),
        ({"of": "dollars"}, "of"),
        ({"low": 500, "high": 501}, "range"),
        ({"knob": "buffer", "method": "fedavg"}, "does nothing for FedAvg"),
    ],
)
def test_questions_that_make_no_sense_are_refused(wrong: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        ask(**{"want": "smallest", **wrong})


@pytest.mark.parametrize("name", NUMERIC)
def test_values_of_a_knob_are_allowed_ascending_and_few(name: str) -> None:
    values = knob_values(name)
    assert 2 <= len(values) <= 64
    assert values == sorted(set(values))
    for value in values:
        NUMERIC[name].check(value)
    few = spread(name, 5)
    assert set(few) <= set(values)
    assert (few[0], few[-1]) == (values[0], values[-1])


def test_a_time_beyond_the_horizon_lengthens_the_run() -> None:
    assert ask(within=90_000.0).scenario(128, 0).horizon_s == 90_000
    assert ask().scenario(128, 2).seed == 2


def test_find_agrees_with_plain_runs_and_asks_nothing_twice(tmp_path: Path) -> None:
    question = Question(Comparison(TINY), "local_steps", "smallest", 0.3, seeds=2, high=8)
    ran: list[Landed] = []

    class Noting(Crew):
        def gather(self, scenarios: Any) -> Iterator[Landed | None]:
            for landed in super().gather(scenarios):
                ran.extend([landed] if landed else [])
                yield landed

    with ThreadPoolExecutor(2) as pool:
        *_, first = find(question, Noting(tmp_path, executor=pool))
    for landed in ran:
        assert landed.history is not None
        assert landed.history.points.to_dict() == run(landed.scenario).points.to_dict()
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    *_, again = find(question, Crew(tmp_path))  # a process would be started for any run
    assert again.trials == first.trials
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == kept


def test_a_cancelled_crew_stops_and_its_processes_end(tmp_path: Path) -> None:
    crew = Crew(tmp_path, processes=1)
    long = [TINY.replace(horizon_s=1e6, seed=seed) for seed in (0, 1)]
    waiting = crew.gather(long)
    assert next(waiting) is None
    crew.cancel()
    with pytest.raises(StoppedError):
        list(waiting)
    assert not list(tmp_path.glob("*.json"))
    assert not list(tmp_path.glob("*.failed"))


def test_names_of_this_process_run_here_and_are_not_kept(tmp_path: Path) -> None:
    STALENESS["mine"] = lambda age, exponent, hinge_at: (1.0 + age) ** -exponent
    try:
        own = TINY.replace(staleness="mine")
        [landed] = [one for one in Crew(tmp_path).gather([own]) if one]
    finally:
        del STALENESS["mine"]
    assert landed.history is not None
    assert not list(tmp_path.iterdir())


def test_tidy_removes_what_was_written_first_and_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / "sweeps" / "now"
    before = tmp_path / "sweeps" / "before"
    for k, folder in enumerate((before, home, home)):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{k:016x}.json"
        path.write_bytes(b"x" * 100)
        os.utime(path, (k, k))
    (home / "notes.json").write_bytes(b"x" * 1000)
    assert tidy(home, most_bytes=150) == 2
    assert sorted(p.name for p in home.iterdir()) == [f"{2:016x}.json", "notes.json"]
    assert tidy(tmp_path / "nowhere" / "at_all") == 0
    assert runs_home().parent.name == "sweeps"


@settings(max_examples=10)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 3))
def test_a_grid_runs_every_cell_once_and_the_corners_first(a: int, b: int, seeds: int) -> None:
    axes = {"buffer": tuple(range(1, a + 1)), "local_steps": tuple(range(1, b + 1))}
    grid = Grid(BASE, axes, ("ftte",), seeds)
    places = [(cell, k) for cell, _, k, _ in grid.runs()]
    assert sorted(places) == sorted(itertools.product(grid.cells, range(seeds)))
    assert [cell for cell, _ in places[:2]] == [grid.cells[0], grid.cells[-1]]
    assert [k for _, k in places] == sorted(k for _, k in places)


@given(st.lists(st.floats(0, 1e6) | st.just(math.inf), min_size=1, max_size=9), st.booleans())
def test_a_summary_takes_the_worse_middle(values: list[float], less: bool) -> None:
    found = summarise(values, less)
    as_good = [v for v in values if (v <= found.median if less else v >= found.median)]
    assert found.median in values
    assert 2 * len(as_good) > len(values)
    assert (found.low, found.high, found.seeds) == (min(values), max(values), len(values))
