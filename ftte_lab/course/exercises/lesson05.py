"""Exercises of lesson 05: how long a round lasts, and how often it waits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise


def round_seconds(download_s: Any, compute_s: Any, upload_s: Any) -> float:
    """Return when the last device has finished its three phases."""
    return float(np.max(np.asarray(download_s) + np.asarray(compute_s) + np.asarray(upload_s)))


def slowest_of_each_phase(download_s: Any, compute_s: Any, upload_s: Any) -> float:
    """Add the slowest phases of different devices: a common mistake."""
    return float(np.max(download_s) + np.max(compute_s) + np.max(upload_s))


def mean_device(download_s: Any, compute_s: Any, upload_s: Any) -> float:
    """Return the time of the mean device: a common mistake."""
    return float(np.mean(np.asarray(download_s) + np.asarray(compute_s) + np.asarray(upload_s)))


PHASES = [
    ([1.0, 2.0, 1.0], [10.0, 3.0, 4.0], [1.0, 9.0, 2.0]),
    ([0.5, 0.5], [1.0, 100.0], [0.5, 0.5]),
    ([4.0], [5.0], [6.0]),
    ([9.0, 1.0], [1.0, 9.0], [1.0, 1.0]),
]


def slow_rounds(straggler_share: float, cohort: int) -> float:
    """Return the probability that a cohort contains at least one straggler."""
    return 1.0 - (1.0 - straggler_share) ** cohort


def sum_of_shares(straggler_share: float, cohort: int) -> float:
    """Add the shares up: a common mistake."""
    return straggler_share * cohort


EXERCISES = {
    "05a": Exercise(
        title="how long is a synchronous round?",
        tests=[Agrees(round_seconds, PHASES)],
        hints=[
            "Each device goes through its three phases in turn: add them up per device.",
            "The server waits for the last device: the largest of these sums.",
            "`max(d + c + u for d, c, u in zip(download_s, compute_s, upload_s))`.",
        ],
        shows="One slow device sets the pace of all.",
        mistakes={
            "The slowest download and the slowest upload may be two devices: "
            "add first, then take the largest.": slowest_of_each_phase,
            "That is the mean device; the server waits for the last one.": mean_device,
        },
    ),
    "05b": Exercise(
        title="how often does a round wait for a straggler?",
        tests=[Agrees(slow_rounds, [(0.05, 30), (0.5, 1), (0.0, 30), (0.9, 10)])],
        hints=[
            "The opposite is easier: how likely is a round without any straggler?",
            "One device is not a straggler with probability 1 - share. "
            "For all of them: that to the power of the cohort.",
        ],
        shows="With 5 % stragglers and 30 devices, four rounds in five wait: "
        "rare devices are not rare in a cohort.",
        mistakes={
            "Shares do not add up: two stragglers in one round make one slow round. "
            "(It would exceed 1.)": sum_of_shares,
        },
    ),
}
