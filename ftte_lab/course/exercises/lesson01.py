"""Exercises of lesson 01: the weighted mean, the mean of a metric, FedAvg, and where it fails."""

from __future__ import annotations

from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise
from ftte_lab.course.findings import Found, kept
from ftte_lab.course.one_round import one_round
from ftte_lab.course.own_rounds import in_fleet, picture, reached
from ftte_lab.lab import Settings
from ftte_lab.simulation import prepare


def fedavg(rows: Any, samples: Any) -> Any:
    """Return the mean of the updates, weighted by samples."""
    weights = np.asarray(samples, float) / np.sum(samples)
    return (weights[:, None] * np.asarray(rows, float)).sum(0)


def plain_mean(rows: Any, samples: Any) -> Any:
    """Return the mean that ignores the samples: a common mistake."""
    return np.mean(rows, 0)


def weighted_sum(rows: Any, samples: Any) -> Any:
    """Return the sum that is not divided by all samples: a common mistake."""
    return np.asarray(samples, float) @ np.asarray(rows, float)


ROUNDS = [
    ([[1.0, 2.0], [3.0, 6.0]], [1, 3]),
    ([[1.0, 2.0], [3.0, 6.0]], [10, 10]),
    ([[0.0, 0.0, 4.0], [1.0, 1.0, 1.0], [-2.0, 5.0, 0.5]], [40, 10, 50]),
    ([[7.0, -7.0]], [3]),
]


def overall_accuracy(accuracies: Any, samples: Any) -> float:
    """Return the share of all samples that is right."""
    return float(np.average(np.asarray(accuracies, float), weights=np.asarray(samples, float)))


def mean_over_clients(accuracies: Any, samples: Any) -> float:
    """Return the mean that counts every client the same: a common mistake."""
    return float(np.mean(accuracies))


METRICS = [
    ([0.9, 0.5], [10, 90]),
    ([1.0, 0.0, 0.5], [1, 1, 2]),
    ([0.8], [7]),
    ([0.6, 0.6], [1, 99]),
]


def my_rounds(model: Any, samples: Any, train: Any, rounds: int) -> list[Any]:
    """Return the model after each round of FedAvg."""
    models: list[Any] = []
    for number in range(rounds):
        after = [train(model, client, number) for client in range(len(samples))]
        model = model + fedavg(np.array(after) - model, samples)
        models.append(model)
    return models


def counts_all_the_same(model: Any, samples: Any, train: Any, rounds: int) -> list[Any]:
    """Return it with the plain mean: a common mistake."""
    return my_rounds(model, [1] * len(samples), train, rounds)


def begins_again(model: Any, samples: Any, train: Any, rounds: int) -> list[Any]:
    """Return it with every round trained from the first model: a common mistake."""
    return my_rounds(model, samples, lambda _, *rest: train(model, *rest), rounds)


def trains_in_turn(model: Any, samples: Any, train: Any, rounds: int) -> list[Any]:
    """Return it with a model that goes from client to client: a common mistake."""
    models = []
    for number in range(rounds):
        for client in range(len(samples)):
            model = train(model, client, number)
        models.append(model)
    return models


def half_way(model: Any, client: int, number: int) -> Any:
    """Return a model half way to the client's own, which moves from round to round."""
    return np.asarray(model, float) / 2 + np.array([1.0, -2.0]) * (client + 1) + number


FLEETS = [
    (np.array([0.0, 4.0]), [1, 3], half_way, 3),
    (np.array([2.0, 2.0]), [5, 5, 10], half_way, 2),
    (np.array([1.0, 0.0]), [7], half_way, 1),
]

LEAST_LOSS = 3.0


def lost(settings: Settings) -> float:
    """Return by how many points the first average is below the clients' mean accuracy."""
    done = one_round(prepare(settings.comparison.run("fedavg")))
    return 100 * (done.mean_client_accuracy - done.accuracy)


def averages_well(settings: Settings) -> str | None:
    """Return why settings do not answer the question of 01d, or `None`."""
    points = lost(settings)
    if points >= LEAST_LOSS:
        return None
    side = "below" if points > 0 else "above"
    return (
        f"there the first average is {abs(points):.1f} points {side} the phones' mean; "
        f"find one at least {LEAST_LOSS:.0f} below."
    )


EXERCISES = {
    "01a": Exercise(
        title="the weighted mean of updates",
        tests=[Agrees(fedavg, ROUNDS)],
        hints=[
            "A client's weight is its share of all samples: `samples / samples.sum()`.",
            "Make arrays first: `rows, samples = np.asarray(rows), np.asarray(samples)`.",
            "A row of weights times the rows is one line: `weights @ rows`.",
        ],
        shows="That is FedAvg: a client with more samples has more weight.",
        mistakes={
            "This is the plain mean: a client with one sample counts as much as a client "
            "with a thousand.": plain_mean,
            "This is the weighted sum. Divide by all samples, or the step grows with the "
            "fleet.": weighted_sum,
        },
    ),
    "01b": Exercise(
        title="one accuracy for everybody",
        tests=[Agrees(overall_accuracy, METRICS)],
        hints=[
            "How many of each client's samples are right? Its accuracy times its samples.",
            "Add them up, and divide by all samples.",
        ],
        shows="So a metric is averaged over samples, as updates are. "
        "It is still not the accuracy of the averaged model.",
        mistakes={
            "This is the mean over clients. "
            "90 samples at 50 % weigh more than 10 at 90 %.": mean_over_clients,
        },
    ),
    "01c": Exercise(
        title="build FedAvg",
        points=3,
        tests=[Agrees(my_rounds, FLEETS), in_fleet],
        hints=[
            "Two loops: one over the rounds, and in it one over the clients.",
            "A client's update is `train(model, client, number)` minus `model`.",
            "After the inner loop the server adds the weighted mean of the updates to its model. "
            "You wrote that mean in 01a.",
        ],
        shows="You have built federated averaging.",
        mistakes={
            "All clients count the same here. Weight them by their samples.": counts_all_the_same,
            "Every round begins with the first model again. "
            "Begin with the one of the last round.": begins_again,
            "One model goes from client to client here. "
            "All clients begin with the server's model, at the same time.": trains_in_turn,
        },
        details=reached,
        picture=picture,
    ),
    "01d": Exercise(
        title="when the average is worse",
        tests=[Found("01", ("seed",), lost, averages_well)],
        hints=[
            "`one_round(prepare(chosen.set(seed=1).run('fedavg')))` is the first round of seed 1. "
            "Subtract its `accuracy` from its `mean_client_accuracy`.",
            "Loop over twenty seeds and print both. Then `lab.set(seed=...)`, and `lab.code`.",
        ],
        shows="One round can lose what ten rounds win. Your sentences are kept for your teacher.",
        keeps=kept,
    ),
}
