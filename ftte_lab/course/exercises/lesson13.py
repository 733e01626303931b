"""Exercises of lesson 13: what a carrier adds to a message, and to the time of each job."""

from __future__ import annotations

from collections.abc import Sequence

from ftte_lab.course.exercise import Agrees, Exercise


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
}
