"""Let people who took no part fine-tune the shipped model on a few samples, and judge each fairly.

A newcomer has no sample that any device of the fleet trained on, and the shared model has never
been fitted to somebody like it. That is the case which `personalise(samples=...)` only resembles.

Source: our reconstruction; that newcomers are to be tested is asked for by Wu et al. 2022,
"Motley", arXiv 2206.13190.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ftte_lab._common import integer, require
from ftte_lab.data import Newcomers, new_mixes, new_people
from ftte_lab.experiments.personalise import Personal, personal_plan
from ftte_lab.models import Params, Plan
from ftte_lab.simulation import Prepared
from ftte_lab.training import FineTuning, own_models, personal_right

_USUAL = FineTuning()
_DIGITS = 12  # of an accuracy: two that differ by rounding alone are equal, and nobody is hurt


def newcomers(
    prepared: Prepared,
    params: Params,
    samples: Sequence[int] = (5, 10, 20),
    part: str = "head",
    how: FineTuning = _USUAL,
    *,
    people: int = 40,
    choose: bool = False,
    seed: int | None = None,
) -> dict[int, Personal]:
    """Fine-tune a part of the shipped model for people who took no part, on so many samples each.

    With data by person that is `motion`, whose people are generated: each is judged by 160 other
    windows of its own. In a fleet of a label skew, or of the same mix for all, newcomers have new
    mixes, and samples of the test data. They are judged by other test samples, weighted by mix.

    Args:
        prepared: the run.
        params: the model that is shipped: `Finished.params`.
        samples: how many each newcomer has, from 1; the same people in all of them, and more
            samples keep the first ones.
        part: one of `training.PARTS`.
        how: steps, batch, rate and pull.
        people: how many newcomers.
        choose: as in `personalise`.
        seed: of the newcomers, who are none of the fleet with any seed; `None`: that of the run.

    Returns:
        By number of samples, the accuracies of each newcomer before and after. `everybody` is the
        accuracy on the test data of all newcomers.

    Raises:
        ValueError: as in `personalise`, a number out of range, or a data set of real people, all of
            whom may be in the fleet.

    Example:
        >>> from ftte_lab import Scenario, prepare
        >>> ready = prepare(Scenario(data="digits", clients=12, concurrency=5, warm_start_steps=20))
        >>> found = newcomers(ready, ready.federation.params, (5, 20), people=6)
        >>> {count: one.samples.tolist() for count, one in found.items()}
        {5: [5, 5, 5, 5, 5, 5], 20: [20, 20, 20, 20, 20, 20]}
        >>> found[5].before.tolist() == found[20].before.tolist()
        True
    """
    counts = [integer("samples", count, 1, 10**5) for count in samples]
    require(len(counts) > 0, "no number of samples", "at least one")
    seed = prepared.scenario.seed if seed is None else seed
    plan, arrived = personal_plan(prepared, part, how), _arrived(prepared, people, counts, seed)
    nothing = torch.zeros(1, plan.subset.entries(plan.model), dtype=torch.float32, device="cpu")
    shared = _right(plan, params, nothing, arrived)
    before, known = _weighted(shared, arrived), float(shared.mean())
    out = {}
    for count in counts:
        own = own_models(
            plan,
            params,
            arrived.x,
            arrived.y,
            [mine[:count] for mine in arrived.own],
            how,
            choose=choose,
            seed=seed,
        )
        right = _right(plan, params, own.rows, arrived)
        after = _weighted(right, arrived)
        out[count] = Personal(before, after, own.samples, own.alphas, (known, float(right.mean())))
    return out


def _arrived(prepared: Prepared, people: int, counts: Sequence[int], seed: int) -> Newcomers:
    """Return the people, each with the largest number of samples."""
    s, data = prepared.scenario, prepared.federation.dataset
    if s.alpha is None and s.data == "motion":
        return new_people(people, max(counts), seed=seed)
    by_person = s.alpha is None and data.train_person is not None
    given = f"newcomers of {s.data!r}, whose people are all in the fleet"
    require(not by_person, given, "data = 'motion', or an alpha", "Set alpha")
    return new_mixes(data, people, max(counts), alpha=s.alpha, seed=seed)


def _right(plan: Plan, params: Params, rows: torch.Tensor, arrived: Newcomers) -> np.ndarray:
    """Mark which test samples each model gets right, bool `(rows, m)`."""
    x, y = (torch.as_tensor(one, device="cpu") for one in (arrived.x_test, arrived.y_test))
    return personal_right(plan, params, rows, x, y)


def _weighted(right: np.ndarray, arrived: Newcomers) -> np.ndarray:
    """Return each person's accuracy on data like its own, `(people,)`."""
    found: np.ndarray = (right * arrived.weights).sum(1).round(_DIGITS)
    return found
