"""Newcomers share no sample with a fleet, nor with what judges them, and a seed fixes them."""

from dataclasses import fields, replace

import numpy as np
import pytest

from ftte_lab.data import Newcomers, load, new_mixes, new_people
from tests.sentences import Refusals, check_refused

DIGITS = load("digits")


def contents(x: np.ndarray) -> set[bytes]:
    return {one.tobytes() for one in x}


@pytest.mark.parametrize("alpha", [0.1, 1.0, None])
def test_new_mixes_are_held_out_of_the_test_data(alpha: float | None) -> None:
    found = new_mixes(DIGITS, 30, 20, alpha=alpha, seed=5)
    own, judging = contents(found.x), contents(found.x_test)
    assert not own & judging
    assert own | judging == contents(DIGITS.x_test)
    assert not (own | judging) & (contents(DIGITS.x_train) | contents(DIGITS.x_public))
    assert all(len(set(mine.tolist())) == 20 for mine in found.own)


def test_new_people_are_nobody_of_a_fleet_of_the_same_seed() -> None:
    fleet = load("motion", people=40, samples_per_person=8, seed=3)
    known = contents(np.concatenate([fleet.x_train, fleet.x_test, fleet.x_public]))
    found = new_people(40, 8, 2, seed=3)
    assert not known & contents(np.concatenate([found.x, found.x_test]))
    assert not contents(found.x) & contents(found.x_test)
    # Styles differ too: no newcomer does the same activities, window by window, as a device.
    habits = fleet.y_train.reshape(40, 8)
    assert not (found.y.reshape(40, 8) == habits).all(1).any()


@pytest.mark.parametrize("make", [lambda s: new_people(4, 6, seed=s), lambda s: mixed(s)])
def test_a_seed_fixes_newcomers(make) -> None:  # type: ignore[no-untyped-def]
    one, again, other = make(1), make(1), make(2)
    for field in fields(Newcomers):
        assert np.array_equal(getattr(one, field.name), getattr(again, field.name))
    assert not np.array_equal(one.x, other.x)


def mixed(seed: int, samples: int = 20) -> Newcomers:
    return new_mixes(DIGITS, 4, samples, alpha=0.1, seed=seed)


def test_more_samples_keep_the_first() -> None:
    few, many = mixed(0, 5), mixed(0, 20)
    assert [one.tolist() for one in few.own] == [one[:5].tolist() for one in many.own]
    assert np.array_equal(few.weights, many.weights)


def test_weights_are_the_mix_of_the_own_samples() -> None:
    """Both follow the same mix: over many people and samples the labels agree with the weights."""
    found = new_mixes(DIGITS, 400, 5, alpha=1.0, seed=0)
    assert found.weights.sum(1) == pytest.approx(np.ones(400))
    judged = np.stack([found.weights[:, found.y_test == k].sum(1) for k in range(10)], 1)
    drawn = np.stack([np.bincount(found.y[mine], minlength=10) / 5 for mine in found.own])
    assert np.corrcoef(judged.ravel(), drawn.ravel())[0, 1] > 0.5
    assert np.abs(judged.mean(0) - drawn.mean(0)).max() < 0.03


def test_newcomers_of_the_same_mix_have_that_of_the_held_out_samples() -> None:
    found = new_mixes(DIGITS, 3, 20)
    shares = np.bincount(found.y, minlength=10) / len(found.y)
    for weights in found.weights:
        assert np.bincount(found.y_test, weights, minlength=10) == pytest.approx(shares)


def test_people_of_motion_are_judged_by_windows_of_their_own() -> None:
    found = new_people(3, 5, 4)
    assert [np.flatnonzero(row).tolist() for row in found.weights] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 10, 11],
    ]
    assert [one.tolist() for one in found.own] == np.arange(15).reshape(3, 5).tolist()


def test_another_class_stands_in_where_one_is_used_up() -> None:
    """With one class each, 24 samples are more than any class of the digits has to give: 24."""
    found = new_mixes(DIGITS, 20, 60, alpha=1e-3, seed=1)
    assert all(len(set(mine.tolist())) == 60 for mine in found.own)
    assert min(len(set(found.y[mine].tolist())) for mine in found.own) > 1


ONCE = replace(DIGITS, x_test=DIGITS.x_test[:1], y_test=DIGITS.y_test[:1])
REFUSALS: Refusals = [
    (
        lambda: new_mixes(DIGITS, 3, 217),
        "samples = 217; allowed: an integer from 1 to 214. So many test samples of 'digits' are "
        "held out for newcomers.",
    ),
    (
        lambda: new_mixes(DIGITS, 3, 5, alpha=0.0),
        "alpha = 0.0; allowed: a number from 0.001 to 1,000,000. Small is skewed, large is even.",
    ),
    (lambda: new_mixes(DIGITS, 0, 5), "people = 0; allowed: an integer from 1 to 10,000."),
    (
        lambda: new_mixes(ONCE, 3, 1),
        "'digits' has no class with two test samples; allowed: one to train on, and one to judge.",
    ),
    (lambda: new_people(0, 5), "people = 0; allowed: an integer from 1 to 10,000."),
    (lambda: new_people(3, 0), "samples = 0; allowed: an integer from 1 to 100,000."),
    (lambda: new_people(3, 5, 0), "tests = 0; allowed: an integer from 1 to 100,000."),
]


@pytest.mark.parametrize(("call", "sentence"), REFUSALS, ids=[s for _, s in REFUSALS])
def test_refusals_to_the_letter(call, sentence) -> None:  # type: ignore[no-untyped-def]
    check_refused(call, sentence)
