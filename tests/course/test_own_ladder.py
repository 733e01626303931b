"""A student's ladder: one idea a rung, in any order that can run, from FedAvg to FTTE."""

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ftte_lab.course import check, lesson
from ftte_lab.course.exercises import lesson08
from ftte_lab.course.lessons import SIZES
from ftte_lab.course.own_ladder import IDEAS, compared, in_fleet, picture, wrong_ladder
from ftte_lab.lab import Settings
from ftte_lab.simulation import Scenario
from tests.course.answers import solution_of

MINE = solution_of("08c")
Ladder = Callable[[Scenario, Scenario], Any]


def climbing(steps: Sequence[Sequence[str]]) -> Ladder:
    """Return an answer that takes over these fields, rung by rung."""

    def answer(fedavg: Scenario, ftte: Scenario) -> list[Scenario]:
        taken = [{name: getattr(ftte, name) for name in fields} for fields in steps]
        return list(itertools.accumulate(taken, lambda s, new: s.replace(**new), initial=fedavg))

    return answer


STEPS = [list(fields) for fields in IDEAS.values()]


@pytest.mark.parametrize("size", SIZES)
def test_ideas_are_all_in_which_the_methods_differ(size: str) -> None:
    both = lesson("08", size)
    one, other = both.run("fedavg").to_dict(), both.run("ftte").to_dict()
    differing = {name for name in one if one[name] != other[name]}
    assert differing == {"method", *itertools.chain(*IDEAS.values())}


def test_right_ladders_pass_in_several_orders_and_with_half_ideas() -> None:
    halves = [*STEPS[2:], ["staleness"], ["variance_exponent", "sample_exponent"], STEPS[0]]
    for answer in (MINE, climbing(STEPS), climbing(halves), lesson08.my_ladder):
        assert wrong_ladder(answer) is None
        assert in_fleet(answer) is None


def last_by_name(fedavg: Scenario, ftte: Scenario) -> list[Scenario]:
    return [*MINE(fedavg, ftte)[:-1], ftte]


def test_name_of_the_method_does_not_count() -> None:
    assert wrong_ladder(last_by_name) is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda a, b: None, "return a list of scenarios"),
        (lambda a, b: [a], "return a list of scenarios"),
        (lambda a, b: [a, "ftte"], "return a list of scenarios"),
        (lambda a, b: [b, b], "the first rung is not FedAvg: it differs in micro_batch"),
        (lambda a, b: [a, b], "That is 6 ideas; one a rung"),
        (lambda a, b: [a, a, b], "rung 2 changes nothing. That is 0 ideas"),
        (lambda a, b: [a, a.replace(seed=5)], "rung 2 changes seed, in which"),
        (climbing(STEPS[:-1]), "the last rung is not FTTE yet: it differs in server_rate."),
        (lambda a, b: [a, a.replace(buffer=7, refill="arrival")], "it differs in micro_batch"),
    ],
)
def test_wrong_ladder_is_refused_in_words(wrong: Ladder, words: str) -> None:
    assert words in str(wrong_ladder(wrong))


def test_numbers_of_one_fleet_do_not_fit_the_other() -> None:
    def typed(a: Scenario, b: Scenario) -> list[Scenario]:
        return [*climbing([["refill"], *STEPS[1:]])(a, b), b.replace(buffer=10)]

    assert "differs in buffer" in str(wrong_ladder(typed))


def test_subset_before_micro_batches_cannot_run() -> None:
    """Its floor is above the budget: which idea needs which is a part of the exercise."""
    early = climbing([*STEPS[:2], STEPS[3], STEPS[2], *STEPS[4:]])
    assert wrong_ladder(early) is None
    assert "rung '4 + subset' cannot run after those before it: no subset fits" in str(
        in_fleet(early)
    )


def test_picture_and_words_hold_every_rung_and_end_at_the_library() -> None:
    bars = picture(MINE).rows("bars")
    texts = {
        name: [r["text"] for r in bars if r["rung"] == name] for r in bars for name in [r["rung"]]
    }
    assert next(iter(texts)) == "1 FedAvg"
    assert len(texts) == len(IDEAS) + 2
    assert texts["7 + server rate"] == texts["FTTE, the library's"]
    words = compared(MINE)
    for cost, idea in {"memory": "4 + micro-batches", "bytes": "5 + subset"}.items():
        assert f"{cost} by '{idea}'" in words
    assert len(re.findall(r"\d+ %", words.split("rung to rung")[1])) == len(IDEAS) + 1


def test_settings_that_still_save_memory_are_refused() -> None:
    settings = Settings(lesson("08"))
    assert "still has micro-batches there (auto)" in str(lesson08.still_small(settings))
    assert "still has micro-batches" in str(lesson08.still_small(settings.set(micro_batch=4)))
    with_all = settings.set(micro_batch=8, budget_kib=256.0)
    assert "with micro-batches it had 12.7" in str(lesson08.still_small(with_all))
    wide = settings.set(micro_batch=None, budget_kib=700.0)
    assert "at most 512 KiB is enough" in str(lesson08.still_small(wide))
    code, kib, words = solution_of("08d")()
    assert kib > 3 * lesson08.peak_kib(settings)
    assert "Measure it again" in check("08d", lambda: (code, 2 * kib, words)).text
