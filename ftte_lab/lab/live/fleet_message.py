"""The replay of the fleet as one binary message: the timelines of all methods, for a canvas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ftte_lab.charts import FLEET_SIGNS, MethodStyle, kind_styles, label, method_styles
from ftte_lab.simulation import Prepared

MOST_PARTICIPATIONS = 40_000  # per method; a longer run is replayed from its beginning up to there
_TIMES = ("start_s", "downloaded_s", "computed_s", "arrival_s", "freed_s")
_NUMBERS = ("client", "fate", "version", "step")


def fleet_message(runs: Mapping[str, Prepared]) -> tuple[dict[str, Any], list[bytes]]:
    """Return what the page needs to replay the fleets of some methods: content and buffers.

    Args:
        runs: prepared runs by method name, on the same fleet.
    """
    fleet = next(iter(runs.values())).federation.fleet
    kinds = sorted(set(fleet.kind))
    number = {kind: k for k, kind in enumerate(kinds)}
    ends = [
        r.timeline.start_s[MOST_PARTICIPATIONS]
        for r in runs.values()
        if len(r.timeline) > MOST_PARTICIPATIONS
    ]
    end_s = float(min([*ends, *(r.timeline.end_s for r in runs.values())]))
    buffers: list[bytes] = []
    styles = method_styles(list(runs))
    durations_s = np.concatenate([r.times.total_s for r in runs.values()])
    content = {
        "end_s": end_s,
        "signs": FLEET_SIGNS,
        "typical_s": float(np.median(durations_s)),
        "kinds": [
            {"name": kind, "colour": style.colour, "shape": style.shape}
            for kind, style in kind_styles(kinds).items()
        ],
        "devices": {
            "kind": [number[kind] for kind in fleet.kind],
            "memory": fleet.memory_bytes.tolist(),
            "slow": fleet.slow_factor.tolist(),
        },
        "arms": [_arm(name, run, styles[name], end_s, buffers) for name, run in runs.items()],
    }
    return content, buffers


def _arm(
    name: str, prepared: Prepared, style: MethodStyle, end_s: float, buffers: list[bytes]
) -> dict[str, Any]:
    timeline = prepared.timeline
    shown = timeline.start_s <= end_s
    at = {}
    for column in _TIMES:
        values = getattr(timeline, column)[shown]
        at[column.removesuffix("_s")] = _pack(values, "<f4", buffers)
    for column in _NUMBERS:
        at[column] = _pack(getattr(timeline, column)[shown], "<i4", buffers)
    at["step_s"] = _pack(timeline.step_s[timeline.step_s <= end_s], "<f4", buffers)
    return {
        "name": name,
        "label": label(name),
        "light": style.light,
        "dark": style.dark,
        "buffer": timeline.policy.buffer,
        "need": prepared.bill.peak_bytes,
        "upload": prepared.traffic.upload,
        "download": prepared.traffic.download,
        "once": prepared.traffic.once,
        "columns": at,
        "eligible": prepared.eligible.tolist(),
    }


def _pack(values: np.ndarray, kind: str, buffers: list[bytes]) -> int:
    buffers.append(np.ascontiguousarray(values, kind).tobytes())
    return len(buffers) - 1
