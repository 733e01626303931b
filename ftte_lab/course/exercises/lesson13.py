"""Exercises of lesson 13: what a carrier adds to messages and jobs, and a device that is timed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ftte_lab.course.exercise import Agrees, Exercise
from ftte_lab.course.findings import Found, kept
from ftte_lab.course.own_device import Timed, compared, in_fleet, picture
from ftte_lab.deployment import paced_timeline
from ftte_lab.lab import Settings
from ftte_lab.simulation import prepare


def overhead(payload: float, framed: float) -> float:
    """Return the bytes that a carrier adds, as a share of the payload."""
    return (framed - payload) / payload


def share_of_framed(payload: float, framed: float) -> float:
    """Divide by all that travels: a common mistake."""
    return (framed - payload) / framed


def updates_until(horizon_s: float, job_s: Sequence[float], carrier_s: float) -> float:
    """Return how many updates clients send that begin the next job as soon as one has arrived."""
    return sum(horizon_s / (job + carrier_s) for job in job_s)


def by_the_mean_job(horizon_s: float, job_s: Sequence[float], carrier_s: float) -> float:
    """Give every client the mean duration: a common mistake."""
    return len(job_s) * horizon_s / (sum(job_s) / len(job_s) + carrier_s)


def carried_once(horizon_s: float, job_s: Sequence[float], carrier_s: float) -> float:
    """Count the carrier once for all clients: a common mistake."""
    return sum((horizon_s - carrier_s) / job for job in job_s)


def job_seconds(
    timed_steps: Timed, timed_messages: Timed, steps: Sequence[float], messages: Sequence[float]
) -> float:
    """Return how long a job takes on a device whose steps and messages were timed."""
    total = 0.0
    for timed, sizes in ((timed_steps, steps), (timed_messages, messages)):
        quickest: dict[float, float] = {}
        for size, seconds in timed:
            quickest[size] = min(seconds, quickest.get(size, seconds))
        each, fixed = np.polyfit(list(quickest), list(quickest.values()), 1)
        total += sum(fixed + each * size for size in sizes)
    return float(total)


def through_all(
    timed_steps: Timed, timed_messages: Timed, steps: Sequence[float], messages: Sequence[float]
) -> float:
    """Fit the line through delayed measurements, too: a common mistake."""
    total = 0.0
    for timed, sizes in ((timed_steps, steps), (timed_messages, messages)):
        x, y = np.array(timed).T
        each, fixed = np.polyfit(x, y, 1)
        total += sum(fixed + each * size for size in sizes)
    return total


def once_each(
    timed_steps: Timed, timed_messages: Timed, steps: Sequence[float], messages: Sequence[float]
) -> float:
    """Count the fixed times once for the job: a common mistake."""
    return job_seconds(timed_steps, timed_messages, [sum(steps)], [sum(messages)])


def speed_alone(
    timed_steps: Timed, timed_messages: Timed, steps: Sequence[float], messages: Sequence[float]
) -> float:
    """Leave the fixed times out: a common mistake."""
    fixed = job_seconds(timed_steps, timed_messages, [0.0] * len(steps), [0.0] * len(messages))
    return job_seconds(timed_steps, timed_messages, steps, messages) - fixed


def bench(fixed_s: float, per_s: float, sizes: Sequence[float], late: Sequence[int] = ()) -> Timed:
    """Return each size timed three times, in turn; some of them too late."""
    timed = [(size, fixed_s + size / per_s) for size in sizes] * 3
    return [(size, s * (5.0 if k in late else 1.0)) for k, (size, s) in enumerate(timed)]


TIMED = [
    (bench(0.05, 2e6, [1e5, 4e5]), bench(0.2, 1e4, [100.0, 900.0]), [2e5] * 3, [500.0, 500.0]),
    (
        bench(0.01, 4e6, [1e5, 2e5, 8e5], [2]),
        bench(0.1, 5e4, [1e3, 4e3, 9e3], [5]),
        [3e5, 3e5, 1e5],
        [2e4, 6e3],
    ),
    (
        bench(0.3, 1e6, [2e5, 4e5, 6e5], [0, 5]),
        bench(0.0, 1e5, [1e3, 1e4], [3]),
        [1e6],
        [5e3, 5e3],
    ),
]
CARRIER_S = 0.042
"""Virtual seconds that a carrier takes for a job: 14 real milliseconds on the page."""
LEAST_LOST = 10.0


def carrier_costs(settings: Settings) -> float:
    """Return how many percent of the updates a carrier costs; it needs no training."""
    prepared = prepare(settings.comparison.run("ftte"))
    with_it, without = (len(paced_timeline(prepared, s).applied) for s in (CARRIER_S, 0.0))
    return 100 * (1 - with_it / max(1, without))


def makes_it_costly(settings: Settings) -> str | None:
    """Return why settings do not answer the question of 13d, or `None`."""
    lost = carrier_costs(settings)
    if lost < LEAST_LOST:
        return f"there it costs {lost:.1f} % of the updates; find settings with {LEAST_LOST:.0f} %."
    return None


EXERCISES = {
    "13a": Exercise(
        title="what a carrier adds",
        tests=[Agrees(overhead, [(10_000, 10_250), (40, 1_040), (1_000_000, 1_000_250)])],
        hints=[
            "What is added is the difference of both.",
            "As a share of the payload: divide by it.",
        ],
        shows="A frame costs the same for each message, so small messages pay most.",
        mistakes={"Divide by the payload, and not by all that travels.": share_of_framed},
    ),
    "13b": Exercise(
        title="the clock with its carrier",
        tests=[
            Agrees(
                updates_until,
                [
                    (60.0, [0.5, 2.0], 0.0),
                    (60.0, [0.5, 0.5, 0.5, 2.0], 0.1),
                    (10.0, [1.0], 0.25),
                    (30.0, [0.25, 4.0], 1.0),
                ],
            )
        ],
        hints=[
            "One client alone: how many jobs of `job + carrier_s` seconds fit into the horizon?",
            "Each client has a pace of its own. Add up what each of them sends.",
        ],
        shows="The same carrier takes the larger share from the faster devices.",
        mistakes={
            "A fast client sends more than a mean one: add up client by client.": by_the_mean_job,
            "The carrier takes its time for every job.": carried_once,
        },
    ),
    "13c": Exercise(
        title="calibrate a device",
        points=3,
        tests=[Agrees(job_seconds, TIMED), in_fleet],
        hints=[
            "Each size was timed several times, and a delay only adds. So keep the quickest of "
            "each size: a dictionary from size to seconds does it.",
            "What is left lies on a line: a fixed time, and so much more for each FLOP or byte. "
            "`np.polyfit(sizes, seconds, 1)` returns the slope, then the fixed time.",
            "Steps and messages have a line each. So write the fit once, and use it twice.",
            "A job of three steps and two messages has three fixed times of a step, and two of "
            "a message.",
        ],
        shows="Your sensor makes the timeline of the one on the bench.",
        mistakes={
            "A delayed measurement pulls the line: of equal sizes the quickest counts.": (
                through_all
            ),
            "The fixed time comes with every step and every message.": once_each,
            "A step of no operations takes time, too: add the fixed times.": speed_alone,
        },
        details=compared,
        picture=picture,
    ),
    "13d": Exercise(
        title="where a carrier is expensive",
        tests=[
            Found(
                "13",
                ("jitter", "straggler_share", "buffer", "payload_bits", "local_steps", "seed"),
                carrier_costs,
                makes_it_costly,
            ),
        ],
        hints=[
            "A carrier takes the same time for each job. So which knobs make a job short?",
            "Look at the times in your table: what does a job of this fleet do most of the time?",
        ],
        shows="A carrier is expensive where jobs are short. Your sentences are kept for your "
        "teacher.",
        keeps=kept,
    ),
}
