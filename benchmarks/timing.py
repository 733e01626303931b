"""Time things: sides take turns within one process, medians count, one thread works."""

from __future__ import annotations

import re
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch


def seconds(work: Callable[[], Any]) -> float:
    """Return the wall-clock seconds of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def in_turns(sides: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each side, with one call of each in every turn.

    A slow moment of the machine then hits all of them.
    """
    for work in sides.values():
        work()  # once for caches, allocators and imports
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, work in sides.items():
            taken[name].append(seconds(work))
    return taken


def spread(name: str, values: Sequence[float]) -> dict[str, float]:
    """Return the median of some values and what 95 % of them stay below."""
    ordered = sorted(values)
    return {
        f"{name}_median": statistics.median(ordered),
        f"{name}_p95": ordered[int(0.95 * (len(ordered) - 1))],
    }


def ratio(plain: list[float], ours: list[float]) -> float:
    """Return how many times faster ours was: the median over the turns."""
    return statistics.median(p / o for p, o in zip(plain, ours, strict=True))


def gemm_gflops(size: int = 1024, repeats: int = 5) -> float:
    """Return the best GFLOP/s of one core in a square fp32 matrix product.

    It is what this machine can do at most.
    """
    a, b = torch.randn(size, size), torch.randn(size, size)
    torch.mm(a, b)
    return 2 * size**3 / min(seconds(lambda: torch.mm(a, b)) for _ in range(repeats)) / 1e9


def peak_mib() -> float:
    """Return the largest resident memory that this process ever had, in MiB.

    On Linux it does not count what the parent had.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
