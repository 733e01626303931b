"""Train the same net on the samples of all clients together: the level that a federation is below.

One computer, mini-batches from everybody, the clients' learning rate, for as long as it gains.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from ftte_lab.models import flatten_trained, from_rows, full, make_plan
from ftte_lab.simulation import Federation, Scenario, federation
from ftte_lab.training import FrozenFeatures, draw_batches, train_cohort

_BATCH = 32
_LEAST_STEPS = 100  # between two looks at the test data; with many samples a pass over them
_WINDOW = 5  # looks that are averaged
_PATIENCE = 12  # looks without a gain after which it ends
_GAIN = 0.001
_RATES = (1.0, 0.3)  # of the clients' rate; the second when the first gains no more
_MOST_SAMPLES = 500_000  # at each rate
_CENTRAL = 2**32 - 2  # the client number under which the batches are drawn


def level(scenario: Scenario) -> dict[str, float]:
    """Return the test accuracy of central training, and the steps that it took.

    Looks at the test data are averaged over five in a row. Training ends when twelve looks have
    brought no tenth of a point, or after half a million samples; then it goes on with a smaller
    rate until that ends, too. The best average counts.

    Args:
        scenario: whose clients' samples, net and first model are used.
    """
    shared = federation(scenario)
    means = list(_means(scenario, shared))
    return {"accuracy": max(means), "steps": float(len(means) * _steps(shared))}


def _steps(shared: Federation) -> int:
    """Return the steps between two looks."""
    return max(_LEAST_STEPS, sum(map(len, shared.shards.train)) // _BATCH)


def _means(s: Scenario, shared: Federation) -> Iterator[float]:
    """Yield the mean accuracy over the last looks, until training gains no more."""
    model, data, params = shared.model, shared.dataset, shared.params
    plan = make_plan(model, full(model))
    own = np.concatenate(shared.shards.train)
    batch, steps = min(_BATCH, len(own)), _steps(shared)
    x = FrozenFeatures(model, params, torch.as_tensor(data.x_train[own]))
    test = FrozenFeatures(model, params, torch.as_tensor(data.x_test))
    y, y_test = torch.as_tensor(data.y_train[own]), torch.as_tensor(data.y_test)
    visit = 0
    for rate in _RATES:
        seen, best, last = list[float](), 0.0, 0
        while len(seen) - last <= _PATIENCE and len(seen) * steps * batch < _MOST_SAMPLES:
            at = draw_batches(len(own), steps, batch, seed=s.seed, client=_CENTRAL, visit=visit)
            updates = train_cohort(
                plan, params, x, y, torch.as_tensor(at)[None], rate=rate * s.client_rate
            )
            row = flatten_trained(model, plan.subset, params) + updates.rows[0]
            params, visit = from_rows(model, plan.subset, row), visit + 1
            seen.append(float((test.logits(params).argmax(1) == y_test).float().mean()))
            mean = float(np.mean(seen[-_WINDOW:]))
            if len(seen) >= _WINDOW and mean > best + _GAIN:
                best, last = mean, len(seen)
            yield mean if len(seen) >= _WINDOW else 0.0
