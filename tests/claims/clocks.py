"""The numbers behind lesson 13, without a real clock: nodes as threads, and a clock that is set."""

from __future__ import annotations

from functools import cache

from ftte_lab import prepare, simulate
from ftte_lab.deployment import (
    RealRun,
    comparison,
    follow_run,
    order_agreement,
    paced_timeline,
    run_digest,
)
from ftte_lab.server import Timeline
from ftte_lab.simulation import Finished, Prepared
from tests.claims.claim import scenario_of
from tests.deployment.thread_nodes import FullRoom

CARRIER_S = 0.03
"""Virtual seconds that a carrier takes for a job: ten real milliseconds on the page."""


@cache
def prepared_of(seed: int) -> Prepared:
    return prepare(scenario_of("13", "ftte", seed))


@cache
def locked_run(seed: int) -> RealRun:
    with FullRoom(nodes=4) as full:
        prepared = prepared_of(seed)
        return follow_run(full.room.locked(prepared), prepared)


def models_that_differ(seed: int) -> float:
    *_, simulated = simulate(prepared_of(seed), processes=1)
    assert isinstance(simulated, Finished)
    same = run_digest(simulated.params, simulated.history) == locked_run(seed).digest()
    return float(not same)


def payload_off(seed: int) -> float:
    """Return by how many bytes the messages differ from the predicted ones, the worst sort."""
    table = comparison(locked_run(seed)).set_index("quantity")
    messages = table.loc[["first download", "download", "upload"]]
    return float((messages["measured"] - messages["predicted"]).abs().max())


def frame(seed: int) -> float:
    """Return the bytes around a message, of the sort with the largest frame."""
    table = comparison(locked_run(seed)).set_index("quantity")["measured"]
    return max(table[f"{k}, framed"] - table[k] for k in ("first download", "download", "upload"))


@cache
def free_timeline(seed: int, carrier_s: float = 0.0) -> Timeline:
    """Return what nodes do that keep the pace exactly, with a carrier that takes equally long."""
    return paced_timeline(prepared_of(seed), carrier_s)


def steps_off(seed: int) -> float:
    """Return by how many percent the steps differ from the predicted ones, by chance alone."""
    predicted = len(prepared_of(seed).timeline.step_s)
    return 100 * abs(len(free_timeline(seed).step_s) / predicted - 1)


def pairs_swapped(seed: int) -> float:
    """Return how many percent of the pairs of arrivals chance alone puts in the other order."""
    return 100 * (1 - order_agreement(prepared_of(seed).timeline, free_timeline(seed)))


def carrier_costs(seed: int) -> float:
    """Return how many percent of the updates a carrier costs."""
    with_it, without = (len(free_timeline(seed, s).applied) for s in (CARRIER_S, 0.0))
    return 100 * (1 - with_it / without)


def formula_off(seed: int) -> float:
    """Return by how many percent the sum of exercise 13b misses the updates with a carrier."""
    prepared = prepared_of(seed)
    job_s, horizon_s = prepared.times.total_s, prepared.scenario.horizon_s
    formula = float((horizon_s / (job_s + CARRIER_S)).sum())
    return 100 * abs(formula / len(free_timeline(seed, CARRIER_S).applied) - 1)
