"""Measure local training of a cohort, (a) to (d): ours against the plain loop."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.timing import gemm_gflops, in_turns, peak_mib, ratio
from benchmarks.workloads import CLIENTS, COHORT, WORKLOADS, PlainFTTE, Workload
from ftte_lab.data import SOURCES, Dataset, Source
from ftte_lab.simulation import Prepared, Scenario, prepare
from ftte_lab.simulation import run as run_scenario


def train(name: str, rounds: int = 10, repeats: int = 7) -> dict[str, Any]:
    """Measure one workload; rates are client updates a second."""
    work = WORKLOADS[name]()
    batches = list(work.cohorts(rounds))
    taken = in_turns(
        {
            "plain": lambda: [work.plain(b) for b in batches],
            "ours": lambda: [work.ours(b) for b in batches],
        },
        repeats,
    )
    updates = rounds * COHORT
    rate = {side: updates / statistics.median(s) for side, s in taken.items()}
    row: dict[str, Any] = {
        "workload": work.what,
        "plain_updates_per_s": rate["plain"],
        "ours_updates_per_s": rate["ours"],
        "ratio": ratio(taken["plain"], taken["ours"]),
        "share_of_gemm_peak": rate["ours"] * work.flops() / 1e9 / gemm_gflops(),
        "largest_difference": work.check(),
        "peak_mib": peak_mib(),
    }
    if name == "cifar-cnn":
        row["ratio_two_processes"] = two_processes(work, rounds, repeats)
    return row


def two_processes(work: Workload, rounds: int, repeats: int) -> float:
    """Return how many times faster than the plain loop the engine is with a worker process."""
    prepared = as_scenario(work, rounds)
    batches = list(work.cohorts(rounds))
    sides = {
        "plain": lambda: [work.plain(b) for b in batches],
        "two": lambda: run_scenario(prepared, processes=2),
    }
    taken = in_turns(sides, repeats)
    return ratio(taken["plain"], taken["two"])


def as_scenario(work: Workload, rounds: int) -> Prepared:
    """Return a workload as a run of FedAvg: so many rounds of the same cohort, all of it applied.

    Nothing is frozen and nothing is lost on the way; ten samples are evaluated at both ends.
    """
    x, y = work.x.numpy(), work.y.numpy()
    classes = tuple(f"class {k}" for k in range(10))
    dataset = Dataset(work.name, x, y, x[:10], y[:10], x[:10], y[:10], classes)
    SOURCES[work.name] = Source(f"the samples of {work.name}", lambda *_: dataset, offline=True)
    scenario = Scenario(
        data=work.name,
        model=work.model.name,
        clients=CLIENTS,
        samples_per_client=work.samples,
        concurrency=COHORT,
        batch=work.batch,
        local_steps=work.steps,
        client_rate=work.rate,
        warm_start_steps=0,
        dropout=0.0,
        horizon_s=1e6,
        max_updates=rounds * COHORT,
        evaluations=2,
    ).as_method("fedavg")
    prepared = prepare(scenario)
    assert len(prepared.timeline.applied) == rounds * COHORT
    return prepared


def ftte(repeats: int) -> dict[str, Any]:
    """Measure the local training of the default FTTE run.

    Cohorts of ten, batch 8, 4 steps, the searched subset.
    """
    work = PlainFTTE(prepare(Scenario(payload_share=0.31)))
    sides = {
        "plain": lambda: [work.plain(b) for b in work.cohorts],
        "ours": lambda: [work.ours(b) for b in work.cohorts],
    }
    taken = in_turns(sides, repeats)
    updates = work.cohorts.shape[0] * work.cohorts.shape[1]
    return {
        "workload": "default FTTE run: mcunet-s on motion, searched subset, batch 8, 4 steps",
        "plain_updates_per_s": updates / statistics.median(taken["plain"]),
        "ours_updates_per_s": updates / statistics.median(taken["ours"]),
        "ratio": ratio(taken["plain"], taken["ours"]),
        "largest_difference": work.check(),
        "peak_mib": peak_mib(),
    }


def run(quick: bool) -> list[dict[str, Any]]:
    """Measure all four workloads."""
    rounds, repeats = (2, 3) if quick else (10, 7)
    return [
        train("digits-mlp", rounds, repeats),
        train("digits-cnn", rounds, repeats),
        train("cifar-cnn", max(1, rounds // 5), repeats),
        ftte(repeats),
    ]
