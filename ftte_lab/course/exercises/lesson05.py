"""Exercises of lesson 05: how long a round lasts, how often it waits, and the virtual clock."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise
from ftte_lab.course.findings import Found, kept
from ftte_lab.course.own_clock import Devices, counted, in_fleet, picture
from ftte_lab.lab import Settings
from ftte_lab.simulation import prepare


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


def my_clock(begin: Any, places: int, capacity: int, waits: bool, horizon_s: float) -> list[float]:
    """Return the moments of the server's steps."""
    under_way = [begin(0.0) for _ in range(places)]
    heapq.heapify(under_way)
    steps, waiting = [], 0
    while under_way and under_way[0] <= horizon_s:
        now = heapq.heappop(under_way)
        waiting += 1
        full = waiting == capacity
        if full:
            steps.append(now)
            waiting = 0
        while (full or not waits) and len(under_way) < places:
            heapq.heappush(under_way, begin(now))
    return steps


def never_waits(begin: Any, places: int, capacity: int, waits: bool, horizon_s: float) -> Any:
    """Fill every place at once, whatever the server: a common mistake."""
    return my_clock(begin, places, capacity, False, horizon_s)


def always_waits(begin: Any, places: int, capacity: int, waits: bool, horizon_s: float) -> Any:
    """Fill the places only at the step, whatever the server: a common mistake."""
    return my_clock(begin, places, capacity, True, horizon_s)


def keeps_counting(begin: Any, places: int, capacity: int, waits: bool, horizon_s: float) -> Any:
    """Step at every arrival once the buffer was full: a common mistake."""
    arrivals = my_clock(begin, places, 1, waits and capacity == 1, horizon_s)
    return arrivals[capacity - 1 :]


CLOCKS = [
    (Devices([4.0, 2.0, 1.0, 1.0, 9.0, 5.0, 3.0]), 2, 2, True, 20.0),
    (Devices([4.0, 2.0, 1.0, 1.5, 9.0, 5.0, 3.0]), 2, 2, False, 20.0),
    (Devices([10.0, 1.0, 2.0, 3.5, 1.2, 0.7, 2.2, 8.0]), 3, 2, False, 10.0),
]
SHORT_ROUND_S = 20.0
STRAGGLERS = 0.1


def round_s(settings: Settings) -> float:
    """Return the median time of FedAvg's rounds; it needs no training."""
    scenario = settings.comparison.set(warm_start_steps=0).run("fedavg")
    return float(np.median(np.diff([0.0, *prepare(scenario).timeline.step_s])))


def long_round(settings: Settings) -> str | None:
    """Return why a fleet does not answer the question of 05d, or `None`."""
    share = settings.scenario.straggler_share
    if share < STRAGGLERS:
        return f"that fleet has {share:.0%} stragglers; leave at least {STRAGGLERS:.0%} of them."
    seconds = round_s(settings)
    if seconds > SHORT_ROUND_S:
        return f"there a round takes {seconds:.0f} s; at most {SHORT_ROUND_S:.0f} s, please."
    return None


EXERCISES = {
    "05a": Exercise(
        title="how long is a synchronous round?",
        tests=[Agrees(round_seconds, PHASES)],
        hints=[
            "Each device goes through its three phases in turn: add them up per device.",
            "The server waits for the last device: the largest of these sums.",
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
    "05c": Exercise(
        title="build the virtual clock",
        points=3,
        tests=[Agrees(my_clock, CLOCKS), in_fleet],
        hints=[
            "Keep a list of arrivals that are under way. At first there are `places` of them: "
            "`begin(0.0)`.",
            "Take the earliest arrival out of the list. That moment is `now`. "
            "End when it lies behind the horizon.",
            "Count the arrivals. At `capacity` of them the server steps, and the count begins "
            "again.",
            "Then fill the free places with `begin(now)`. A server that waits does so only "
            "after a step.",
        ],
        shows="You have built the clock under every curve of this course.",
        mistakes={
            "A server that waits starts nobody before its step.": never_waits,
            "A server that does not wait fills a place as soon as it is free.": always_waits,
            "After a step the buffer is empty: count from zero again.": keeps_counting,
        },
        details=counted,
        picture=picture,
    ),
    "05d": Exercise(
        title="short rounds with stragglers",
        tests=[Found("05", ("straggler_share", "concurrency", "seed"), round_s, long_round)],
        hints=[
            "How many stragglers does a cohort of 30 contain on average, and one of 5?",
            "Turn the concurrency M: with FedAvg it is the cohort. "
            "The median of `np.diff([0, *timeline.step_s])` is your number.",
        ],
        shows="A small cohort rarely contains a straggler. Your sentences are kept for your "
        "teacher.",
        keeps=kept,
    ),
}
