"""A student's devices choose as the library's do; other models are refused in words."""

from typing import Any

import numpy as np
import pytest

from ftte_lab.course import check, lesson
from ftte_lab.course.exercises import lesson12
from ftte_lab.course.own_personal import (
    HOW,
    compared,
    far_from_best,
    fleet,
    in_fleet,
    picture,
    problem,
)
from ftte_lab.experiments import personalise
from ftte_lab.lab import Settings
from ftte_lab.training import own_models
from notebooks._build import course
from tests.course.answers import function_of, solution_of, source_of

CELL = course.answered(source_of("12c"))
MINE = function_of(CELL)


def changed(old: str, new: str) -> Any:
    """Return the answer with one expression replaced."""
    assert old in CELL
    return function_of(CELL.replace(old, new))


def test_models_are_the_librarys() -> None:
    one = fleet()
    federation = one.prepared.federation
    data, seed = federation.dataset, one.prepared.scenario.seed
    shards = list(federation.shards.train)
    held = (data.x_train, data.y_train, shards)
    found = own_models(one.plan, one.params, *held, HOW, choose=True, seed=seed)
    for client in range(0, len(shards), 5):
        apart = MINE(*problem(client)) - one.shared - found.rows[client].numpy()
        assert np.abs(apart).max() < 1e-5


def test_all_devices_of_a_fleet_choose_and_gains_are_the_librarys() -> None:
    assert in_fleet(MINE) is None
    library = personalise(fleet().prepared, fleet().params, how=HOW, choose=True).summary()
    text = compared(MINE)
    assert f"hurt {100 * library.share_hurt:.0f}" in text
    assert f"help {100 * library.share_helped:.0f}" in text
    words = picture(MINE).alt_text
    found = words.split("the library's ")[1].split(";")[0]
    assert words.endswith(f"with a choice, yours {found.rstrip('.')}.")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("gradient(own, step)", "gradient(shared, step)", "not at the shared layer"),
        ("return best", "return own", "Compare the mixes by `loss`"),
        ("own - rate", "own + rate", "takes α = 0"),
        ("range(steps)", "range(steps - 1)", "away from the nearest mix"),
        ("lost < least", "lost > least", "with a loss of"),
        ("return best", "return best[1:]", "a layer of shape (1,); the shared one has (2,)"),
        ("return best", "return shared", "takes α = 0"),
    ],
)
def test_wrong_model_is_explained(old: str, new: str, words: str) -> None:
    assert words in check("12c", changed(old, new)).text


def test_layer_that_is_no_copy_is_recognised() -> None:
    walked = CELL.replace("own = own - rate * ", "own -= rate * ")
    text = check("12c", function_of(walked.replace("shared.copy()", "shared"))).text
    assert "`own = shared` is no copy" in text
    assert check("12c", function_of(walked)).state == "passed"


def test_fault_of_one_device_is_named() -> None:
    why = in_fleet(lambda shared, *_: shared * np.nan)
    assert why is not None
    assert why.startswith("in the fleet, device 0: it is nan away from the nearest mix")


def test_equal_mixes_are_equally_right() -> None:
    made = [np.zeros(2), np.ones(2)]
    assert far_from_best([1.0, 1.0], made, [0.5, 0.5]) is None
    assert "α = 0.25" in str(far_from_best([1.0, 1.0], made, [0.5, 0.6]))


def test_own_layers_hurt_where_people_differ_little() -> None:
    settings = Settings(lesson("12"))
    assert "find settings that hurt three times" in str(lesson12.helps_many(settings))
    few = settings.set(alpha=10.0, samples_per_client=10)
    assert lesson12.helps_many(few) is None
    code, number, words = solution_of("12d")()
    assert check("12d", lambda: (code, number, words)).state == "passed"
    assert "Measure it again" in check("12d", lambda: (code, number - 10, words)).text
