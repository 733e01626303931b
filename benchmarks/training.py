"""(a) to (d): local training of a cohort, ours against the plain loop, and with a second process."""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch
from torch import Tensor

from benchmarks.timing import gemm_gflops, in_turns, peak_mib, ratio
from benchmarks.workloads import COHORT, WORKLOADS, PlainFTTE, Workload
from ftte_lab.models import row_of
from ftte_lab.simulation import Scenario, prepare
from ftte_lab.simulation.workers.pool import WorkerPool


def train(name: str, rounds: int = 10, repeats: int = 7) -> dict[str, Any]:
    """One workload; rates are client updates a second."""
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
        row["ratio_two_processes"] = _two(work, batches, repeats)
    return row


def ftte(repeats: int) -> dict[str, Any]:
    """The local training of the default FTTE run: cohorts of ten, batch 8, 4 steps, the searched subset."""
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


def _two(work: Workload, batches: list[Tensor], repeats: int) -> float:
    """The same with half of each cohort in a helper process."""
    data = {"x": work.x.numpy(), "y": work.y.numpy(), "x_test": work.x[:10].numpy()}
    helpers = WorkerPool(1, [work.sgd], work.sgd.plan, work.batch, work.params, data)
    while not helpers.free():
        assert helpers.all[0].alive
        time.sleep(0.05)
    row = row_of(work.model, work.plan.subset, work.params)

    def split(b: Tensor) -> Tensor:
        task = helpers.give(helpers.all[0], row, b[COHORT // 2 :])
        here = work.ours(b[: COHORT // 2])
        there = helpers.finish(task)
        assert there is not None
        return torch.cat([here, there["rows"]])

    assert torch.equal(split(batches[0]), work.ours(batches[0]))
    sides = {
        "plain": lambda: [work.plain(b) for b in batches],
        "two": lambda: [split(b) for b in batches],
    }
    taken = in_turns(sides, repeats)
    helpers.close()
    return ratio(taken["plain"], taken["two"])


def run(quick: bool) -> list[dict[str, Any]]:
    """All four workloads."""
    rounds, repeats = (2, 3) if quick else (10, 7)
    return [
        train("digits-mlp", rounds, repeats),
        train("digits-cnn", rounds, repeats),
        train("cifar-cnn", max(1, rounds // 5), repeats),
        ftte(repeats),
    ]
