"""Measure what the Lab waits for, without a browser: a run, its first point, a new seed.

Sides take turns, so that a slow moment of the machine hits all of them.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.timing import ratio, seconds
from ftte_lab._common import cores
from ftte_lab.experiments import Comparison, interleave, preset
from ftte_lab.simulation import Evaluated, Prepared, keep_prepared, prepare, warm_up
from tests.simulation.test_kept import forget

_THREE = ("fedavg", "fedbuff", "ftte")
_PAUSE_S = 0.15  # between two requests, as between two drags


def run(quick: bool) -> dict[str, list[dict[str, Any]]]:
    """Measure whole runs in one and in all processes, the first point, and preparing."""
    lab = preset("lab")
    with tempfile.TemporaryDirectory() as folder:
        keep_prepared(Path(folder))
        _warm(lab)
        return {
            "runs": _runs(lab, 1 if quick else 3),
            "first_points": _first_points(lab, 3 if quick else 20),
            "prepared": _prepared(lab, 2 if quick else 5),
        }


def _warm(lab: Comparison) -> None:
    """Start the workers and let each compute something, as a Lab has after its first run."""
    warm_up()
    time.sleep(8.0)
    for _ in range(2):
        _until_trained(_all(lab.set(horizon_s=200.0)), None)


def _all(lab: Comparison) -> dict[str, Prepared]:
    return {name: prepare(one) for name, one in lab.runs().items()}


def _runs(lab: Comparison, repeats: int) -> list[dict[str, Any]]:
    """Time complete runs: in this process, and on all cores."""
    rows = []
    for methods in (_THREE, lab.methods):
        runs = _all(lab.replace(methods=methods))
        alone, together = [], []
        for _ in range(repeats):
            alone.append(seconds(lambda runs=runs: list(interleave(runs))))  # type: ignore[misc]
            together.append(
                seconds(lambda runs=runs: list(interleave(runs, processes=None)))  # type: ignore[misc]
            )
        rows.append(
            {
                "methods": len(methods),
                "cores": cores(),
                "one_process_s": statistics.median(alone),
                "all_cores_s": statistics.median(together),
                "share_of_time": 1 / ratio(alone, together),
            }
        )
    return rows


def _until_trained(runs: dict[str, Prepared], processes: int | None) -> None:
    """Run until a point that had to be trained."""
    events = interleave(runs, processes=processes)
    for timed in events:
        if isinstance(timed.event, Evaluated) and timed.event.point["version"] > 0:
            break
    events.close()


def _first_points(lab: Comparison, repeats: int) -> list[dict[str, Any]]:
    """Time from a request, another buffer each time, to the first trained point."""
    taken: dict[str, list[float]] = {"one process": [], "all cores": []}
    for k in range(repeats):
        changed = lab.set(buffer=5 + k)
        for name, processes in (("one process", 1), ("all cores", None)):
            time.sleep(_PAUSE_S)
            taken[name].append(
                seconds(lambda c=changed, p=processes: _until_trained(_all(c), p))  # type: ignore[misc]
            )
    return [{"where": name, **_spread(values)} for name, values in taken.items()]


def _prepared(lab: Comparison, repeats: int) -> list[dict[str, Any]]:
    """Time the preparing of a new seed, data set or model, then once more from the disk."""
    rows = []
    changes: dict[str, dict[str, Any]] = {
        "seed": {},
        "seed, vendor's 1,000 steps": {"warm_start_steps": 1000},
        "model": {"model": "cnn"},
        "data set": {"data": "digits"},
    }
    for number, (name, change) in enumerate(changes.items()):
        new: list[float] = []
        seen: list[float] = []
        for k in range(repeats):
            moved = {**change, "seed": 100 * (1 + number) + k}
            for into in (new, seen):
                forget()
                into.append(seconds(lambda moved=moved: _all(lab.set(**moved))))  # type: ignore[misc]
        rows.append(
            {"change": name, "new_ms": 1e3 * statistics.median(new), **_spread(seen, "seen_")}
        )
    return rows


def _spread(values: Sequence[float], prefix: str = "") -> dict[str, float]:
    ordered = sorted(values)
    return {
        f"{prefix}median_ms": 1e3 * statistics.median(ordered),
        f"{prefix}p95_ms": 1e3 * ordered[int(0.95 * (len(ordered) - 1))],
    }
