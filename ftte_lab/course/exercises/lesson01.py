"""Exercises of lesson 01: the weighted mean of updates, and the mean of a metric."""

from __future__ import annotations

from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise


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
}
