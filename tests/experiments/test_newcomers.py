"""Newcomers are judged fairly: nothing changes nothing, and who meets one class learns it."""

import numpy as np
import pytest
import torch

from ftte_lab.data import SOURCES, Source, load, new_people
from ftte_lab.experiments import newcomers
from ftte_lab.models import make_plan
from ftte_lab.simulation import Prepared, prepare
from ftte_lab.training import FineTuning, FrozenFeatures, personal_part
from tests.sentences import Refusals, check_refused
from tests.tiny import TINY

SKEWED = TINY.replace(alpha=0.1, subset="full")
MOTION = TINY.replace(data="motion", budget_kib=None, samples_per_client=8)


def found(ready: Prepared, *samples: int, **settings):  # type: ignore[no-untyped-def]
    return newcomers(ready, ready.federation.params, samples, people=9, **settings)


@pytest.mark.parametrize("scenario", [SKEWED, TINY.replace(alpha=None), MOTION])
def test_a_model_that_does_not_move_gains_nothing(scenario) -> None:  # type: ignore[no-untyped-def]
    still = found(prepare(scenario), 5, how=FineTuning(steps=1, rate=1e-12))[5]
    assert still.after == pytest.approx(still.before)
    assert still.everybody[0] == pytest.approx(still.everybody[1])


def test_who_meets_one_class_alone_answers_it_always() -> None:
    """An own head that saw one class for long is right on that, and on nothing else."""
    ready = prepare(TINY.replace(alpha=1e-3, subset="full"))
    for samples, one in found(ready, 5, 20, how=FineTuning(steps=400, rate=0.5)).items():
        assert one.samples.tolist() == [samples] * 9
        assert (one.after > 0.99).all()
        assert one.everybody[1] == pytest.approx(0.1, abs=0.03)


def test_before_is_the_shared_model_on_the_windows_of_a_person() -> None:
    ready = prepare(MOTION)
    params, model = ready.federation.params, ready.federation.model
    people = new_people(9, 10, seed=4)
    plan = make_plan(model, personal_part(model, "head"))
    x = torch.as_tensor(people.x_test)
    guess = FrozenFeatures(plan.model, params, x).logits(params).argmax(1).numpy()
    right = (guess == people.y_test).reshape(9, 160).mean(1)
    for one in found(ready, 5, 10, seed=4).values():
        assert one.before == pytest.approx(right)
        assert one.everybody[0] == pytest.approx(right.mean())


def test_a_seed_fixes_the_result() -> None:
    ready = prepare(SKEWED)
    one, again, other = (found(ready, 5, seed=s)[5] for s in (1, 1, 2))
    assert np.array_equal(one.after, again.after)
    assert not np.array_equal(one.after, other.after)


def test_who_chooses_may_keep_the_shared_model() -> None:
    ready = prepare(SKEWED)
    by_count = found(ready, 1, 10, choose=True)
    assert by_count[1].alphas.tolist() == [0.0] * 9
    assert by_count[1].gains == pytest.approx(np.zeros(9))
    assert by_count[10].samples.tolist() == [8] * 9
    kept = by_count[10].alphas == 0
    assert by_count[10].gains[kept] == pytest.approx(np.zeros(kept.sum()))


def by_real_people() -> Prepared:
    """Return a run on data by person that cannot be generated."""
    SOURCES["worn"] = Source("people as of a file", lambda *_: load("motion", people=12))
    ready = prepare(MOTION.replace(data="worn"))
    del SOURCES["worn"]
    return ready


READY = prepare(SKEWED)
REFUSALS: Refusals = [
    (lambda: found(READY), "no number of samples; allowed: at least one."),
    (
        lambda: found(by_real_people(), 5),
        "newcomers of 'worn', whose people are all in the fleet; allowed: data = 'motion', or an "
        "alpha. Set alpha.",
    ),
    (lambda: found(READY, 0), "samples = 0; allowed: an integer from 1 to 100,000."),
    (
        lambda: found(READY, 5, part="tail"),
        "part = 'tail' is not known; allowed: head, norms, head+norms. Choose one of these.",
    ),
]


@pytest.mark.parametrize(("call", "sentence"), REFUSALS, ids=[s for _, s in REFUSALS])
def test_refusals_to_the_letter(call, sentence) -> None:  # type: ignore[no-untyped-def]
    check_refused(call, sentence)
