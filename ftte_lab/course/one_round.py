"""One synchronous round, step by step and without a clock: send, train, return, average.

The engine does the same for thousands of clients along a timeline; here every number can be shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import integer, require
from ftte_lab.models import Params, flatten_trained, from_rows, insert
from ftte_lab.server import WeightRule, combine, weights
from ftte_lab.simulation import Prepared
from ftte_lab.training import draw_batches, train_cohort

MOST_CLIENTS = 64


@dataclass(frozen=True, eq=False)
class Round:
    """What a round produced.

    Attributes:
        rows: what each client returned, its trained entries after minus before, `(clients, d)`.
        samples: training samples of each client, `(clients,)`.
        weights: of each client in the mean, `(clients,)`; they add up to 1.
        client_accuracy: test accuracy of each client's own model, which the server never receives.
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
        """Average the clients' accuracies with the same weights as their updates."""
        return float(self.weights @ self.client_accuracy)


def one_round(
    prepared: Prepared,
    params: Params | None = None,
    *,
    number: int = 0,
    local_steps: int | None = None,
) -> Round:
    """Send a model to all clients, train it on each one's data, and average the updates.

    The mean is weighted by training samples, as in FedAvg.

    Args:
        prepared: who takes part, with what data, model and local training.
        params: the model to begin with; by default the one that was shipped.
        number: of the round: each draws other mini-batches.
        local_steps: gradient steps per client, instead of the scenario's.

    Raises:
        ValueError: a negative number, local steps below 1, or more than 64 clients.

    Example:
        >>> from ftte_lab import prepare
        >>> from ftte_lab.course import lesson
        >>> done = one_round(prepare(lesson("01", "ci").run("fedavg")))
        >>> done.rows.shape[0], round(float(done.weights.sum()), 6)
        (3, 1.0)
    """
    scenario, federation = prepared.scenario, prepared.federation
    integer("number", number, 0)
    require(
        scenario.clients <= MOST_CLIENTS,
        f"a round by hand with {scenario.clients} clients",
        f"up to {MOST_CLIENTS}",
        "Use ftte_lab.run",
    )
    steps = scenario.local_steps if local_steps is None else local_steps
    integer("local_steps", steps, 1)
    params = federation.params if params is None else params
    x = torch.as_tensor(federation.dataset.x_train, device="cpu")
    y = torch.as_tensor(federation.dataset.y_train, device="cpu")
    rate = scenario.client_rate
    rows = torch.cat(
        [
            train_cohort(prepared.plan, params, x, y, batches[None], rate=rate).rows
            for batches in batches_of(prepared, steps, number)
        ]
    )
    samples = np.array([len(own) for own in federation.shards.train])
    fresh = np.zeros(len(rows))
    c = weights(fresh, fresh, samples, WeightRule(sample_exponent=1.0))
    before = flatten_trained(federation.model, prepared.plan.subset, params)
    after = combine(before, rows, c, scenario.server_rate)
    alone = [accuracy_of(with_row(prepared, params, before + row), prepared) for row in rows]
    averaged = with_row(prepared, params, after)
    return Round(rows, samples, c, np.array(alone), accuracy_of(averaged, prepared), averaged)


def batches_of(prepared: Prepared, steps: int, number: int) -> list[Tensor]:
    """Draw sample numbers for each client, `(steps, batch)`; few samples make smaller batches."""
    scenario = prepared.scenario
    return [
        torch.as_tensor(
            own[
                draw_batches(
                    len(own),
                    steps,
                    min(scenario.batch, len(own)),
                    seed=scenario.seed,
                    client=client,
                    visit=number,
                )
            ],
            device="cpu",
        )
        for client, own in enumerate(prepared.federation.shards.train)
    ]


def with_row(prepared: Prepared, params: Params, row: Tensor) -> Params:
    """Return a model whose trained entries are `row`, `(d,)`."""
    model, subset = prepared.federation.model, prepared.plan.subset
    return insert(model, subset, params, from_rows(model, subset, row))


def accuracy_of(params: Params, prepared: Prepared) -> float:
    """Return the test accuracy of a model."""
    federation = prepared.federation
    outputs = federation.model.forward(
        params, torch.as_tensor(federation.dataset.x_test, device="cpu")
    )
    right = outputs.argmax(1) == torch.as_tensor(federation.dataset.y_test, device="cpu")
    return float(right.double().mean())
