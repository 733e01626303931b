"""One synchronous round, step by step and without a clock: send, train, return, average.

The engine does the same for thousands of clients along a timeline; here every number can be looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import integer, require
from ftte_lab.models import Params, from_rows, put, row_of
from ftte_lab.server import combine, weights
from ftte_lab.simulation import Prepared
from ftte_lab.training import draw_batches, train_cohort


@dataclass(frozen=True, eq=False)
class Round:
    """What can be seen of a round.

    Attributes:
        rows: what each client sent back, its trained entries after minus before, `(clients, d)`.
        samples: training samples of each client.
        weights: of each client in the mean; they add up to 1.
        client_accuracy: test accuracy of each client's own model, which the server never sees.
        accuracy: test accuracy of the averaged model.
        params: the averaged model, with which the next round begins.
    """

    rows: Tensor
    samples: np.ndarray
    weights: np.ndarray
    client_accuracy: np.ndarray
    accuracy: float
    params: Params

    @property
    def mean_client_accuracy(self) -> float:
        """The clients' accuracies, averaged with the same weights as their updates."""
        return float(self.weights @ self.client_accuracy)


def one_round(
    ready: Prepared,
    params: Params | None = None,
    *,
    number: int = 0,
    local_steps: int | None = None,
) -> Round:
    """Send a model to all clients, train it on each one's data, and average what comes back, weighted by samples.

    Args:
        ready: who takes part, with what data, model and local training.
        params: the model to begin with; by default the one that was shipped.
        number: of the round: each draws other mini-batches.
        local_steps: gradient steps per client, instead of the scenario's.

    Raises:
        ValueError: a negative number, local steps below 1, or more than 64 clients.
    """
    integer("number", number, 0)
    s, w, subset = ready.scenario, ready.federation, ready.plan.subset
    require(
        s.clients <= 64, f"{s.clients} clients in a round by hand", "up to 64", "Use ftte_lab.run"
    )
    steps = s.local_steps if local_steps is None else local_steps
    integer("local_steps", steps, 1)
    params = w.params if params is None else params
    x, y = torch.as_tensor(w.dataset.x_train), torch.as_tensor(w.dataset.y_train)
    batches = [
        own[
            draw_batches(
                len(own), steps, min(s.batch, len(own)), seed=s.seed, client=c, visit=number
            )
        ]
        for c, own in enumerate(w.shards.train)
    ]
    rows = torch.cat(
        [  # clients with little data have smaller batches, so each is a cohort of its own
            train_cohort(
                ready.plan, params, x, y, torch.as_tensor(b)[None], rate=s.client_rate
            ).rows
            for b in batches
        ]
    )
    samples = np.array([len(own) for own in w.shards.train])
    c = weights(np.zeros(len(rows)), np.zeros(len(rows)), samples, sample_exponent=1.0)
    before = row_of(w.model, subset, params)
    after = combine(before, rows, c, s.server_rate)
    alone = [_accuracy(ready, params, before + row) for row in rows]
    model = put(w.model, subset, params, from_rows(w.model, subset, after))
    return Round(rows, samples, c, np.array(alone), _accuracy(ready, params, after), model)


def _accuracy(ready: Prepared, params: Params, row: Tensor) -> float:
    w, subset = ready.federation, ready.plan.subset
    model = put(w.model, subset, params, from_rows(w.model, subset, row))
    said = w.model.forward(model, torch.as_tensor(w.dataset.x_test)).argmax(1)
    return float((said == torch.as_tensor(w.dataset.y_test)).double().mean())
