"""Exercises of lesson 06: when a buffered server steps, and how old an update is."""

from __future__ import annotations

from collections.abc import Sequence

from ftte_lab.course.exercise import Agrees, Exercise


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

EXERCISES = {
    "06a": Exercise(
        title="when does the server step?",
        tests=[Agrees(step_times, ARRIVALS)],
        hints=[
            "Sort the arrivals: the buffer does not care who sent them.",
            "The step falls on every K-th arrival: count up to `capacity`, then begin again.",
            "In one line: `sorted(arrivals_s)[capacity - 1 :: capacity]`.",
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
}
