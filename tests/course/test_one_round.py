"""A round by hand is a round of the engine."""

import numpy as np
import pytest
import torch

from ftte_lab import prepare, run
from ftte_lab.course import lesson, one_round
from ftte_lab.models import flatten_trained

THREE = lesson("01").run("fedavg")


def test_one_round_repeated_gives_the_steps_of_the_engine() -> None:
    scenario = THREE.replace(jitter=0.0, evaluations=200)
    prepared = prepare(scenario)
    model, by_hand = None, []
    for number in range(3):
        done = one_round(prepared, model, number=number)
        model = done.params
        by_hand.append(done.accuracy)
    assert by_hand == run(prepared).points["accuracy"][1:4].tolist()


def test_one_round_weighs_by_samples() -> None:
    prepared = prepare(THREE)
    done = one_round(prepared)
    federation, subset = prepared.federation, prepared.plan.subset
    assert done.samples.tolist() == [len(own) for own in federation.shards.train]
    assert done.weights.tolist() == pytest.approx(done.samples / done.samples.sum())
    before = flatten_trained(federation.model, subset, federation.params)
    moved = flatten_trained(federation.model, subset, done.params) - before
    expected = torch.as_tensor(done.weights, dtype=torch.float32) @ done.rows
    assert torch.allclose(moved, expected, atol=1e-6)
    mean = np.average(done.client_accuracy, weights=done.samples)
    assert done.mean_client_accuracy == pytest.approx(mean)
    assert 0 <= done.accuracy <= 1


def test_one_round_depends_on_number_and_local_steps_only() -> None:
    prepared = prepare(THREE)
    first = one_round(prepared).rows
    assert torch.equal(first, one_round(prepared).rows)
    assert not torch.equal(first, one_round(prepared, number=1).rows)
    assert not torch.equal(first, one_round(prepared, local_steps=1).rows)


def test_one_round_refuses_wrong_arguments() -> None:
    prepared = prepare(THREE)
    with pytest.raises(ValueError, match="number = -1"):
        one_round(prepared, number=-1)
    with pytest.raises(ValueError, match="local_steps = 0"):
        one_round(prepared, local_steps=0)
    with pytest.raises(ValueError, match="a round by hand with 65 clients"):
        one_round(prepare(THREE.replace(clients=65)))
