"""What an update reveals is what algebra predicts."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab import prepare
from ftte_lab.course import lesson
from ftte_lab.experiments import likeness, read_inputs, recovered
from ftte_lab.models import from_rows
from ftte_lab.training import train_cohort


@given(st.integers(1, 6), st.integers(1, 9), st.integers(0, 2**20))
def test_read_inputs_is_exact_for_one_sample(units: int, inputs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, delta = rng.normal(size=inputs), rng.normal(size=units)
    delta[rng.integers(units)] = 0.0  # a silent unit reveals nothing
    guesses = read_inputs(np.outer(delta, x), delta)
    assert len(guesses) == (delta != 0).sum()
    assert np.allclose(guesses, x)


def test_read_inputs_finds_the_sample_of_a_real_update() -> None:
    prepared = prepare(lesson("09").run("fedavg"))
    federation, plan = prepared.federation, prepared.plan
    data = federation.dataset
    x, y = torch.as_tensor(data.x_train), torch.as_tensor(data.y_train)
    for sample in (0, 7):
        batches = torch.tensor([[[sample]]])
        row = train_cohort(plan, federation.params, x, y, batches, rate=0.1).rows[0]
        named = from_rows(federation.model, plan.subset, row)
        guesses = read_inputs(named["hidden1.weight"].numpy(), named["hidden1.bias"].numpy())
        truth = data.x_train[sample].reshape(1, -1)
        assert np.abs(guesses[0] - truth).max() < 1e-3
        assert recovered(guesses, truth) == 1
        assert recovered(guesses, truth, above=1.0) == 0


def test_likeness_is_correlation_and_zero_without_guesses() -> None:
    samples = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    r, which = likeness(np.array([[10.0, 20.0, 30.0], [0.0, 1.0, 0.0]]), samples)
    assert r == pytest.approx([1.0, 0.0], abs=1e-9)
    assert which.tolist() == [0, 1]
    assert likeness(np.zeros((0, 3)), samples)[0].tolist() == [0, 0]


def test_inversion_refuses_wrong_shapes_and_thresholds() -> None:
    samples = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"shapes \(2, 3\) and \(3,\)"):
        read_inputs(np.ones((2, 3)), np.ones(3))
    with pytest.raises(ValueError, match="equally many inputs"):
        likeness(np.ones((2, 4)), samples)
    with pytest.raises(ValueError, match="above = 2"):
        recovered(samples, samples, above=2)
