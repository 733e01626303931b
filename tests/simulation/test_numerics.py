"""Zero is a value, and numbers of any kind are plain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ftte_lab.data import load
from ftte_lab.devices import LocalStep, inference_peak_bytes
from ftte_lab.models import build
from ftte_lab.server import Policy
from ftte_lab.simulation import faster, saved
from ftte_lab.simulation.global_model import _reference


def test_a_time_of_zero_is_a_time() -> None:
    assert faster(10.0, 0.0) == {"time_saved": 1.0, "speed_gain": None}
    assert faster(0.0, 10.0) == {"time_saved": None, "speed_gain": -1.0}
    assert faster(None, 10.0) == faster(0.0, 0.0) == {"time_saved": None, "speed_gain": None}
    assert saved(10.0, 0.0) == 1.0
    assert np.isnan(saved(0.0, 1.0))


@pytest.mark.parametrize(
    ("variances", "reference"),
    [([2.0, 4.0, 9.0], 4.0), ([0.0, 0.0, 6.0], 6.0), ([0.0, 0.0], 1.0), ([0.0, 3.0, 5.0], 3.0)],
)
def test_the_reference_variance_is_the_median_of_those_that_vary(
    variances: list[float], reference: float
) -> None:
    assert _reference(np.array(variances)) == reference


def test_small_numpy_integers_do_not_wrap_around() -> None:
    model = build("mlp", (1, 8, 8), 10)
    few: dict[type, Any] = {kind: kind(5) for kind in (np.int8, np.uint8, np.int64)}
    hundred: Any = np.int8(100)
    assert inference_peak_bytes(model, hundred) == inference_peak_bytes(model, 100)
    for kind, five in few.items():
        assert len(load("digits", people=hundred, samples_per_person=five).y_train) == 500, kind
        assert type(LocalStep(hundred, five).batch) is int
        assert type(Policy(hundred, five).buffer) is int
