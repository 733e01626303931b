"""Measure how time and memory grow with the fleet (f), and the virtual clock alone.

Each size runs in a process of its own.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import peak_mib
from benchmarks.whole_runs import alone

SIZES = (10, 100, 1_000, 10_000)


def fleet(clients: int) -> dict[str, Any]:
    """Measure one run with a tenth of the fleet at work at once.

    Each device participates equally often, whatever the size of the fleet.
    """
    from ftte_lab.simulation import Scenario, prepare
    from ftte_lab.simulation import run as run_scenario

    concurrency = max(3, clients // 10)
    scenario = Scenario(
        clients=clients,
        concurrency=concurrency,
        buffer=max(2, concurrency // 3),
        payload_share=0.31,
        warm_start_steps=200,
        horizon_s=300.0,
        evaluations=10,
    )
    begin = time.perf_counter()
    prepared = prepare(scenario)
    preparation = time.perf_counter() - begin
    begin = time.perf_counter()
    run_scenario(prepared, processes=1)
    taken = time.perf_counter() - begin
    return {
        "devices": clients,
        "updates": len(prepared.timeline.applied),
        "prepare_s": preparation,
        "run_s": taken,
        "ms_per_update": 1e3 * taken / max(1, len(prepared.timeline.applied)),
        "peak_mib": peak_mib(),
    }


def clock(devices: int = 100_000, participations: int = 1_000_000) -> dict[str, Any]:
    """Measure `server.schedule` for a large fleet."""
    from ftte_lab.server import Participants, Policy, schedule

    rng = np.random.default_rng(0)
    speed = rng.lognormal(0.0, 1.0, devices)
    concurrency = devices // 10
    horizon = 1.1 * participations / concurrency * 3 * float(np.exp(0.5))
    begin = time.perf_counter()
    timeline = schedule(
        Policy.buffered(concurrency, concurrency // 10),
        Participants(speed, speed, speed, 2 * speed, np.full(devices, 0.08)),
        jitter_sigma=0.25,
        horizon_s=horizon,
        seed=0,
    )
    taken = time.perf_counter() - begin
    return {
        "devices": devices,
        "participations": len(timeline),
        "seconds": taken,
        "peak_mib": peak_mib(),
    }


def _alone(call: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(
        alone(f"import json; from benchmarks.growth import *; print(json.dumps({call}))")
    )
    return row


def run(quick: bool) -> dict[str, Any]:
    """Measure fleets of all sizes, and the clock for 10^4 to 10^6 participations."""
    sizes = SIZES[:2] if quick else SIZES
    fleets = [_alone(f"fleet({n})") for n in sizes]
    counts = (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000)
    clocks = [_alone(f"clock({n // 10}, {n})") for n in counts]
    return {"fleets": fleets, "clocks": clocks}


def chart(fleets: list[dict[str, Any]], path: Path) -> None:
    """Draw time and memory against the number of devices, both axes logarithmic."""
    import altair as alt
    import pandas as pd
    import vl_convert

    table = pd.DataFrame(fleets)
    table["seconds"] = table["prepare_s"] + table["run_s"]
    scale = alt.Scale(type="log", domain=[5, 20_000], nice=False)
    x = alt.X(
        "devices:Q", title="devices", scale=scale, axis=alt.Axis(values=list(SIZES), format=",d")
    )

    def panel(column: str, title: str, ticks: list[float]) -> alt.LayerChart:
        log = alt.Scale(type="log", domain=[ticks[0], ticks[-1]])
        y = alt.Y(f"{column}:Q", title=title, scale=log, axis=alt.Axis(values=ticks, format=",~r"))
        base = alt.Chart(table).encode(x=x, y=y).properties(width=300, height=220)
        labels = base.mark_text(dy=-12).encode(text=alt.Text(f"{column}:Q", format=",.2~r"))
        return base.mark_line(point=True) + labels

    seconds = panel("seconds", "seconds, data and search included", [0.1, 1, 10, 100])
    both = seconds | panel("peak_mib", "peak memory, MiB", [100, 300, 1_000, 3_000])
    path.write_bytes(vl_convert.vegalite_to_png(both.to_json(), scale=2))
