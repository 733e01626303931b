"""A student's own rounds, run on the three phones of lesson 01 beside the library's."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ftte_lab.charts import Figure, curves
from ftte_lab.course.lessons import lesson
from ftte_lab.course.one_round import accuracy_of, batches_of, one_round, with_row
from ftte_lab.course.sandbox import call, examine
from ftte_lab.models import flatten_trained
from ftte_lab.simulation import Prepared, prepare
from ftte_lab.training import train_cohort

ROUNDS = 10
_WITHIN = 1e-4  # of a parameter: the order of a sum changes its last digits
Train = Callable[[Any, int, int], np.ndarray]


@lru_cache(maxsize=1)
def fleet() -> Prepared:
    """Return the phones of lesson 01."""
    return prepare(lesson("01").run("fedavg"))


def trainer(prepared: Prepared) -> Train:
    """Return `train(model, client, number)`: a flat model after local training, `(d,)`.

    It trains as `one_round` does: the same data, batches and steps.
    """
    federation, scenario = prepared.federation, prepared.scenario
    x = torch.as_tensor(federation.dataset.x_train, device="cpu")
    y = torch.as_tensor(federation.dataset.y_train, device="cpu")

    def train(model: Any, client: int, number: int) -> np.ndarray:
        row = torch.as_tensor(np.asarray(model, np.float32), device="cpu")
        params = with_row(prepared, federation.params, row)
        batches = batches_of(prepared, scenario.local_steps, int(number))[int(client)]
        rate = scenario.client_rate
        cohort = train_cohort(prepared.plan, params, x, y, batches[None], rate=rate)
        return np.asarray(row + cohort.rows[0])

    return train


def in_fleet(answer: Callable[..., Any]) -> str | None:
    """Run a student's rounds on the phones; return the first round that is not FedAvg, in words.

    Each round is compared with FedAvg from the student's own last model.
    """
    prepared, models = fleet(), _models_of(answer)
    train, before, samples = trainer(prepared), _start(prepared), _samples(prepared)
    if models.shape != (ROUNDS, len(before)):
        return f"on the phones it gave an array of shape {models.shape} for {ROUNDS} rounds."
    for number, after in enumerate(models):
        updates = [train(before, client, number) - before for client in range(len(samples))]
        expected = before + samples / samples.sum() @ np.array(updates)
        apart = float(np.abs(after - expected).max())
        if not apart <= _WITHIN:
            return f"on the phones round {number + 1} is {apart:.2g} away from FedAvg's."
        before = np.asarray(after, np.float32)
    return None


def picture(answer: Callable[..., Any]) -> Figure:
    """Draw the accuracy of a student's models beside that of the library's rounds."""
    prepared, model, library = fleet(), None, []
    for number in range(ROUNDS):
        done = one_round(prepared, model, number=number)
        model = done.params
        library.append(done.accuracy)
    shown = {"the library's": library, "yours": accuracies(_models_of(answer))}
    sent = [len(_samples(prepared)) * (k + 1) for k in range(ROUNDS)]
    points = {
        name: [{"sim_seconds": sent, "updates": sent, "accuracy": values}]
        for name, values in shown.items()
    }
    return curves(points, of="updates", width_s=0)


def accuracies(models: np.ndarray) -> list[float]:
    """Return the test accuracy of flat models, one row each."""
    prepared = fleet()
    rows = torch.as_tensor(np.asarray(models, np.float32), device="cpu")
    start = prepared.federation.params
    return [accuracy_of(with_row(prepared, start, row), prepared) for row in rows]


def reached(answer: Callable[..., Any]) -> str:
    """Say how far a student's last model came."""
    last = accuracies(_models_of(answer)[-1:])[0]
    return f"After {ROUNDS} rounds on the three phones your model knows {100 * last:.0f} %."


def _models_of(answer: Callable[..., Any]) -> np.ndarray:
    prepared = fleet()
    arguments = (_start(prepared), _samples(prepared), trainer(prepared), ROUNDS)
    models = call(answer, arguments)
    return np.asarray(examine(lambda: np.asarray(models, np.float32)))


def _start(prepared: Prepared) -> np.ndarray:
    federation = prepared.federation
    return np.asarray(flatten_trained(federation.model, prepared.plan.subset, federation.params))


def _samples(prepared: Prepared) -> np.ndarray:
    return np.array([len(own) for own in prepared.federation.shards.train])
