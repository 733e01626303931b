"""Measure what a large fleet asks of one server: a timeline, aggregation, bytes per hour.

    python -m benchmarks.scale

The figures stand in `docs/scale.md`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from ftte_lab.devices import participation_times, sample_fleet
from ftte_lab.models import RowFormat, build, full
from ftte_lab.server import (
    Intake,
    Participants,
    Policy,
    StepRule,
    schedule,
    server_step,
    variance_entries,
    weights,
)

DEVICES = 1_000_000
MIX = {"sensor": 0.5, "watch": 0.3, "phone": 0.2}
PAYLOADS = {"10 KiB": 10 << 10, "1 MiB": 1 << 20, "100 MiB": 100 << 20}
BUFFER = 10
MEAN_S = 60.0  # of a participation


def peak_mib() -> float:
    """Return the largest memory of this process so far (MiB); nan where it is not known."""
    if sys.platform == "win32":
        return float("nan")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timeline(concurrency: int, hours: float) -> str:
    """Time the complete timeline of a million devices."""
    before = peak_mib()
    begin = time.perf_counter()
    fleet = sample_fleet(MIX, DEVICES, straggler_share=0.1, seed=0)
    times = participation_times(fleet, download_bytes=10_000, upload_bytes=10_000, flops=1e6)
    slower = MEAN_S / float(times.total_s.mean())
    participants = Participants(
        slower * times.download_s, slower * times.compute_s, slower * times.upload_s
    )
    drawn = time.perf_counter()
    found = schedule(
        Policy(concurrency, concurrency // 10), participants, horizon_s=hours * 3600, seed=0
    )
    end = time.perf_counter()
    rate = len(found) / (end - drawn)
    heard = len(np.unique(found.client[found.applied]))
    return (
        f"{concurrency} at once, {hours:g} h: fleet {drawn - begin:.1f} s, {len(found):,} "
        f"participations of {heard:,} devices in {end - drawn:.1f} s ({rate:,.0f} per s), "
        f"{peak_mib() - before:,.0f} MiB more"
    )


def aggregation(payload: int, buffer: int) -> str:
    """Time a server step: is each update well formed, how much does it count, the mean."""
    entries = payload // 4
    chance = torch.Generator("cpu").manual_seed(0)
    rows = torch.randn((buffer, entries), generator=chance, dtype=torch.float32, device="cpu")
    x, rule = torch.zeros(entries, dtype=torch.float32, device="cpu"), StepRule()
    clients, visits = np.arange(buffer), [0] * buffer

    def step() -> None:
        intake = Intake(entries)
        intake.accepted(clients, visits, rows, [0] * buffer, 0)
        server_step(x, rows, weights([0] * buffer, variance_entries(rows), [1] * buffer), rule)

    seconds = quickest(step)
    return f"{buffer / seconds:,.1f} updates per s, {buffer * payload / seconds / 2**30:.2f} GiB/s"


def reading() -> str:
    """Time the reading of a message, as nodes send it: 43 KiB of the net of the digits."""
    model = build("mlp", (1, 8, 8), 10)
    form = RowFormat.of(model, full(model), 32, names=True)
    message = form.pack(torch.ones(model.size, dtype=torch.float32, device="cpu"))
    seconds = quickest(lambda: form.unpack(message))
    return f"{len(message):,} bytes: {1 / seconds:,.0f} messages per s"


def quickest(work: Callable[[], object], least_s: float = 1.0) -> float:
    """Return the seconds of the quickest of several calls."""
    took = list[float]()
    until = time.perf_counter() + least_s
    while len(took) < 3 or time.perf_counter() < until:
        begin = time.perf_counter()
        work()
        took.append(time.perf_counter() - begin)
    return min(took)


def main() -> None:
    """Print all figures."""
    torch.set_num_threads(1)
    print("message ", reading())
    for concurrency, hours in ((1_000, 1.0), (20_000, 1.0)):
        print("timeline", timeline(concurrency, hours), flush=True)
    for name, payload in PAYLOADS.items():
        print(f"{name:>8}", aggregation(payload, BUFFER), flush=True)


if __name__ == "__main__":
    main()
