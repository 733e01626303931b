"""Personal models of a whole fleet: judged fairly, never beyond the weakest budget."""

import numpy as np
import pytest

from ftte_lab.experiments import personal_plan, personalise
from ftte_lab.simulation import Finished, prepare, simulate
from ftte_lab.training import FineTuning
from tests.tiny import TINY

HOW = FineTuning(steps=30, rate=0.1)
SKEWED = TINY.replace(alpha=0.1, subset="full", horizon_s=200.0)


def test_heads_gain_under_a_label_skew() -> None:
    prepared = prepare(SKEWED)
    *_, last = simulate(prepared, processes=1)
    assert isinstance(last, Finished)
    found = personalise(prepared, last.params, how=HOW)
    assert found.summary().median > 0.02
    assert found.gains == pytest.approx(found.after - found.before)
    sizes = [len(one) for one in prepared.federation.shards.train]
    assert found.samples.tolist() == sizes
    chosen = personalise(prepared, last.params, how=HOW, choose=True)
    untouched = chosen.alphas == 0
    assert chosen.after[untouched] == pytest.approx(chosen.before[untouched])
    assert (chosen.samples <= np.array(sizes)).all()


def test_before_is_the_shared_model_on_the_mix_of_a_device() -> None:
    prepared = prepare(TINY)
    found = personalise(prepared, prepared.federation.params, how=FineTuning(steps=1, rate=1e-12))
    assert found.after == pytest.approx(found.before)
    assert found.everybody[0] == pytest.approx(found.everybody[1])


def test_people_of_motion_are_judged_on_fresh_windows_of_their_own() -> None:
    prepared = prepare(TINY.replace(data="motion", budget_kib=None, samples_per_client=8))
    found = personalise(prepared, prepared.federation.params, how=HOW, samples=5)
    assert found.samples.tolist() == [5] * 12
    steps = found.before * 160
    assert steps == pytest.approx(np.rint(steps))  # of so many windows each


def test_a_part_beyond_the_weakest_budget_is_refused() -> None:
    prepared = prepare(TINY.replace(model="cnn", budget_kib=125.0))
    assert personal_plan(prepared, "head")
    with pytest.raises(ValueError, match=r"fine-tuning head\+norms takes .* at most 125"):
        personal_plan(prepared, "head+norms", FineTuning(batch=32, pull=1.0))
