"""Build schedules for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from ftte_lab.server import Participants, Policy, Timeline, schedule

PER_CLIENT = (
    "download_s",
    "first_download_s",
    "compute_s",
    "upload_s",
    "dropout",
    "eligible",
)


def made(arguments: dict[str, Any]) -> Timeline:
    """Run a schedule from flat arguments: those per client, and those of `schedule`."""
    columns = {name: arguments[name] for name in PER_CLIENT if name in arguments}
    others = {name: value for name, value in arguments.items() if name not in PER_CLIENT}
    return schedule(others.pop("policy"), Participants(**columns), **others)


def computing(policy: Policy, durations: list[float] | np.ndarray, **changes: Any) -> Timeline:
    """Run a schedule of clients that only compute: no links, drop-out or jitter; all take part."""
    n = len(durations)
    arguments: dict[str, Any] = {
        "policy": policy,
        "download_s": np.zeros(n),
        "compute_s": np.array(durations, float),
        "upload_s": np.zeros(n),
        "horizon_s": 10.0,
        "seed": 0,
    }
    return made(arguments | changes)
