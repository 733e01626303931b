"""Exercises of lesson 06: when a buffered server steps, how old an update is, and the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise
from ftte_lab.course.findings import Found, kept
from ftte_lab.course.own_server import Server, in_fleet, picture, received
from ftte_lab.course.values import show
from ftte_lab.lab import Settings
from ftte_lab.simulation import prepare


def step_times(arrivals_s: Sequence[float], capacity: int) -> list[float]:
    """Return the moments at which the buffer is full."""
    return sorted(float(t) for t in arrivals_s)[capacity - 1 :: capacity]


def one_arrival_later(arrivals_s: Sequence[float], capacity: int) -> list[float]:
    """Step at the arrival after the buffer was full: a common mistake."""
    return sorted(float(t) for t in arrivals_s)[capacity::capacity]


def unsorted(arrivals_s: Sequence[float], capacity: int) -> list[float]:
    """Count the arrivals in the order of the list: a common mistake."""
    return list(arrivals_s)[capacity - 1 :: capacity]


# The second is not in order; in the last one the buffer never fills.
ARRIVALS = [
    ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2),
    ([5.0, 1.0, 3.0, 2.0, 4.0], 2),
    ([1.0, 2.0, 3.0], 1),
    ([1.0, 2.0, 3.0], 4),
]


def age(started_s: float, arrived_s: float, steps_s: Sequence[float]) -> int:
    """Return how many server steps an update missed."""
    return sum(1 for t in steps_s if started_s < t < arrived_s)


def all_steps_before(started_s: float, arrived_s: float, steps_s: Sequence[float]) -> int:
    """Count also the steps before the start: a common mistake."""
    return sum(1 for t in steps_s if t < arrived_s)


def seconds_under_way(started_s: float, arrived_s: float, steps_s: Sequence[float]) -> float:
    """Return seconds instead of server steps: a common mistake."""
    return arrived_s - started_s


LIVES = [
    (0.0, 10.0, [2.0, 4.0, 6.0, 8.0, 12.0]),
    (5.0, 7.0, [2.0, 4.0, 6.0, 8.0]),
    (6.5, 7.0, [2.0, 4.0, 6.0, 8.0]),
    (9.0, 90.0, [2.0, 4.0, 6.0, 8.0]),
]


def my_receive(server: Any, update: Any, started: int) -> None:
    """Put an update into the buffer with its weight, and step when the buffer is full."""
    age = server.version - started
    server.buffer.append((1 + age) ** -0.5 * update)
    if len(server.buffer) == server.capacity:
        server.model = server.model + np.mean(server.buffer, axis=0)
        server.version += 1
        server.buffer = []


# Update, and the version from which its client started.
STREAM = [(1.0, 0), (3.0, 0), (4.0, 0), (2.0, 1), (8.0, 0), (6.0, 1)]


def wrong_server(answer: Any) -> str | None:
    """Feed two small servers by hand; return the first update after which one is wrong."""
    if not callable(answer):
        return f"expected a function, but this is {show(answer)}."
    for capacity in (2, 3):
        mine, right = Server(np.zeros(1), capacity), Server(np.zeros(1), capacity)
        for k, (update, started) in enumerate(STREAM, 1):
            my_receive(right, np.array([update]), started)
            model = received(answer, mine, np.array([update]), started)
            if model.shape != (1,) or abs(float(model[0]) - float(right.model[0])) > 1e-5:
                return (
                    f"a server with K = {capacity} has the model {show(model)} after {k} updates; "
                    f"expected {show(right.model)}."
                )
    return None


MOST_AGE = 1.0


def mean_age(settings: Settings) -> float:
    """Return how many versions old FTTE's updates are on average."""
    scenario = settings.comparison.set(warm_start_steps=0).run("ftte")
    return float(prepare(scenario).timeline.staleness.mean())


def too_old(settings: Settings) -> str | None:
    """Return why settings do not answer the question of 06d, or `None`."""
    age = mean_age(settings)
    if age > MOST_AGE:
        return f"there the mean age is {age:.1f} versions; at most {MOST_AGE:g}, please."
    return None


EXERCISES = {
    "06a": Exercise(
        title="when does the server step?",
        tests=[Agrees(step_times, ARRIVALS)],
        hints=[
            "Sort the arrivals: the buffer does not care who sent them.",
            "The step falls on every K-th arrival: count up to `capacity`, then begin again.",
        ],
        shows="The buffer fills at the pace of the fleet, not of its slowest device.",
        mistakes={
            "The K-th arrival fills the buffer, not the one after it.": one_arrival_later,
            "The arrivals do not come in order: sort them first.": unsorted,
        },
    ),
    "06b": Exercise(
        title="how old is an update?",
        tests=[Agrees(age, LIVES)],
        hints=[
            "Its age is the number of server steps that it missed.",
            "Count the steps later than its start and earlier than its arrival.",
        ],
        shows="That is staleness: counted in versions, not in seconds.",
        mistakes={
            "Steps before it started do not count: "
            "it began from the model that they had made.": all_steps_before,
            "Age is counted in server steps, not in seconds.": seconds_under_way,
        },
    ),
    "06c": Exercise(
        title="build the buffered server",
        points=3,
        tests=[wrong_server, in_fleet],
        hints=[
            "The age of the update is `server.version - started`. Its weight is "
            "(1 + age) to the power of -1/2.",
            "Put the weighted update into `server.buffer`. Go on only if it holds "
            "`server.capacity` of them.",
            "A step adds the sum of the weighted updates, divided by K, to the model. "
            "Then the version is one more, and the buffer is empty.",
        ],
        shows="You have built FedBuff's server. With K = 1 it is FedAsync's.",
        picture=picture,
        solution=my_receive,
    ),
    "06d": Exercise(
        title="fresh updates",
        tests=[Found("06", ("buffer", "seed"), mean_age, too_old)],
        hints=[
            "How many steps does the server make while one device is at work? "
            "Count them in the fleet for K = 3 and for K = 30.",
            "`prepare(base.replace(buffer=...)).timeline.staleness` has the age of each update.",
        ],
        shows="Mean age is about concurrency divided by K. Your sentences are kept for your "
        "teacher.",
        keeps=kept,
    ),
}
