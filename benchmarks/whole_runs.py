"""Measure complete runs: events, weights, byte accounting and evaluation included."""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
from typing import Any

from benchmarks.timing import peak_mib
from benchmarks.workloads import mlp
from ftte_lab.experiments import preset
from ftte_lab.simulation import Evaluated, Prepared, Scenario, Stepped, prepare, simulate

SLIDER = Scenario(payload_share=0.31)
"""The default FTTE run: 100 devices, 90 % stragglers."""


def engine_rate(repeats: int = 5) -> dict[str, Any]:
    """Measure client updates a second of the semi-asynchronous engine on workload (a).

    The buffer holds 10 updates, and 30 clients train at once.
    """
    mlp()  # registers its model
    scenario = Scenario(
        data="digits",
        model="mlp-64",
        alpha=0.3,
        batch=5,
        local_steps=3,
        client_rate=0.5,
        warm_start_steps=0,
        concurrency=30,
        buffer=10,
        horizon_s=2000.0,
    ).as_method("fedbuff")
    prepared = prepare(scenario)
    rates = [_watch(prepared, 1) for _ in range(repeats)]
    return {
        "run": "digits MLP through the engine (FedBuff, buffer 10, concurrency 30)",
        "updates": len(prepared.timeline.applied),
        "updates_per_s": statistics.median(
            len(prepared.timeline.applied) / r["seconds"] for r in rates
        ),
    }


def _watch(prepared: Prepared, processes: int | None) -> dict[str, float]:
    begin, first, updates = time.perf_counter(), 0.0, 0
    for event in simulate(prepared, processes=processes):
        if isinstance(event, Evaluated) and not first:
            first = time.perf_counter() - begin
        elif isinstance(event, Stepped):
            updates += len(event.clients)
    return {"seconds": time.perf_counter() - begin, "first_point_s": first, "updates": updates}


def slider(scenario: Scenario, name: str, repeats: int = 5) -> dict[str, Any]:
    """Measure a run as a slider starts it: the federation is known, everything else is not.

    Workers are awake after the first turn.
    """
    begin = time.perf_counter()
    prepare(scenario)
    cold = time.perf_counter() - begin
    rows: dict[int | None, list[dict[str, float]]] = {1: [], None: []}
    for k in range(repeats + 1):
        for processes, done in rows.items():
            begin = time.perf_counter()
            # With another rate nothing of this run is in a cache.
            prepared = prepare(scenario.replace(server_rate=1.5 + k / 1000))
            preparation = time.perf_counter() - begin
            row = _watch(prepared, processes)
            row["seconds"] += preparation
            row["first_point_s"] += preparation
            if k:  # the first turn wakes the workers
                done.append(row)
            gc.collect()
    return {
        "run": name,
        "updates": int(rows[1][0]["updates"]),
        "first_point_s": statistics.median(r["first_point_s"] for r in rows[None]),
        "seconds_one_process": statistics.median(r["seconds"] for r in rows[1]),
        "seconds": statistics.median(r["seconds"] for r in rows[None]),
        "cold_federation_s": cold,
        "peak_mib": peak_mib(),
    }


def alone(code: str) -> str:
    """Run code in a fresh process, so that peak memory and first-time costs are its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.strip()


def run(quick: bool) -> list[dict[str, Any]]:
    """Measure the engine's rate, the slider's run, a large fleet, and the longest run."""
    repeats = 1 if quick else 5
    large = SLIDER.replace(
        clients=500, concurrency=150, buffer=50, horizon_s=500.0 if quick else 2000.0
    )
    rows = [
        engine_rate(repeats),
        slider(SLIDER, "default FTTE run: 100 devices, 2,000 virtual s", repeats),
        slider(
            large, "500 devices, concurrency 150, buffer 50, 2,000 virtual s", max(1, repeats // 2)
        ),
    ]
    if not quick:
        headline = preset("default").run("ftte", seed=0)
        rows.append(slider(headline, "FTTE run of the headline preset: 14,000 virtual s", 1))
    return rows
