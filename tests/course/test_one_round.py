"""A round by hand is a round of the engine; what an update leaks is what algebra says."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab import prepare, run
from ftte_lab.course import LESSONS, SIZES, lesson, likeness, one_round, read_inputs, recovered
from ftte_lab.models import from_rows, row_of
from ftte_lab.training import train_cohort

THREE = lesson("01").scenario.as_method("fedavg")


def test_three_rounds_by_hand_are_three_steps_of_the_engine() -> None:
    ready, model, by_hand = prepare(THREE.replace(jitter=0.0, evaluations=200)), None, []
    for number in range(3):
        done = one_round(ready, model, number=number)
        model = done.params
        by_hand.append(done.accuracy)
    points = run(ready).points
    assert by_hand == points["accuracy"][1:4].tolist()


def test_the_mean_is_weighted_by_samples() -> None:
    ready = prepare(THREE)
    done = one_round(ready)
    shards = ready.federation.shards.train
    assert done.samples.tolist() == [len(own) for own in shards]
    assert done.weights.tolist() == pytest.approx(done.samples / done.samples.sum())
    moved = row_of(ready.federation.model, ready.plan.subset, done.params) - row_of(
        ready.federation.model, ready.plan.subset, ready.federation.params
    )
    expected = torch.as_tensor(done.weights, dtype=torch.float32) @ done.rows
    assert torch.allclose(moved, expected, atol=1e-6)
    assert done.mean_client_accuracy == pytest.approx(
        np.average(done.client_accuracy, weights=done.samples)
    )
    assert 0 <= done.accuracy <= 1


def test_a_round_is_the_same_again_and_another_number_is_another_round() -> None:
    ready = prepare(THREE)
    assert torch.equal(one_round(ready).rows, one_round(ready).rows)
    assert not torch.equal(one_round(ready).rows, one_round(ready, number=1).rows)
    assert not torch.equal(one_round(ready).rows, one_round(ready, local_steps=1).rows)
    with pytest.raises(ValueError, match="number = -1"):
        one_round(ready, number=-1)
    with pytest.raises(ValueError, match="local_steps = 0"):
        one_round(ready, local_steps=0)
    with pytest.raises(ValueError, match="65 clients in a round by hand"):
        one_round(prepare(THREE.replace(clients=65)))


@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 2**20))
def test_one_sample_is_read_exactly_whatever_the_gradient_below(
    units: int, inputs: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x, delta = rng.normal(size=inputs), rng.normal(size=units)
    delta[rng.integers(units)] = 0.0  # a silent unit tells nothing, and does no harm
    guesses = read_inputs(np.outer(delta, x), delta)
    assert len(guesses) == (delta != 0).sum()
    assert np.allclose(guesses, x)


def test_a_real_update_of_one_sample_is_the_sample() -> None:
    ready = prepare(lesson("09").scenario.as_method("fedavg"))
    w = ready.federation
    x, y = torch.as_tensor(w.dataset.x_train), torch.as_tensor(w.dataset.y_train)
    for sample in (0, 7):
        row = train_cohort(ready.plan, w.params, x, y, torch.tensor([[[sample]]]), rate=0.1).rows[0]
        named = from_rows(w.model, ready.plan.subset, row)
        guesses = read_inputs(named["hidden1.weight"].numpy(), named["hidden1.bias"].numpy())
        truth = w.dataset.x_train[sample].reshape(1, -1)
        assert np.abs(guesses[0] - truth).max() < 1e-3
        assert recovered(guesses, truth) == 1
        assert recovered(guesses, truth, above=1.0) == 0


def test_likeness_is_correlation_and_nothing_is_like_nothing() -> None:
    samples = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    r, which = likeness(np.array([[10.0, 20.0, 30.0], [0.0, 1.0, 0.0]]), samples)
    assert r == pytest.approx([1.0, 0.0], abs=1e-9)
    assert which.tolist() == [0, 1]
    assert likeness(np.zeros((0, 3)), samples)[0].tolist() == [0, 0]
    wrong: Any
    for wrong, says in (
        (lambda: read_inputs(np.ones((2, 3)), np.ones(3)), r"shapes \(2, 3\) and \(3,\)"),
        (lambda: likeness(np.ones((2, 4)), samples), "equally many inputs"),
        (lambda: recovered(samples, samples, above=2), "above = 2"),
    ):
        with pytest.raises(ValueError, match=says):
            wrong()


@pytest.mark.parametrize("number", sorted(LESSONS))
def test_a_lesson_is_small_in_ci_and_the_same_otherwise(number: str) -> None:
    lab, ci = (lesson(number, size) for size in SIZES)
    assert lab.about == ci.about
    changed = {k for k, v in ci.scenario.to_dict().items() if v != lab.scenario.to_dict()[k]}
    assert changed == {k for k, v in LESSONS[number].ci.items() if v != getattr(lab.scenario, k)}
    assert any(len(prepare(scenario).timeline.step_s) >= 1 for scenario in ci.methods().values())
    with pytest.raises(ValueError, match="lesson = '11'"):
        lesson("11")
    with pytest.raises(ValueError, match="size = 'big'"):
        lesson(number, "big")
