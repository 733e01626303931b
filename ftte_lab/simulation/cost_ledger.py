"""Sum up what a run costs over virtual time: updates, bytes and joules."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ftte_lab.server import KEY_BYTES, Fate
from ftte_lab.simulation.prepared import Prepared


class CostLedger:
    """Keep running totals over virtual time, those of wasted participations included.

    Args:
        prepared: the prepared run.
    """

    def __init__(self, prepared: Prepared) -> None:
        timeline = prepared.timeline
        self._updates = np.concatenate([[0], timeline.step_end])
        upload, download, once, index = _messages(prepared)
        arrived = np.isin(timeline.fate, (Fate.APPLIED, Fate.BUFFERED, Fate.STALE))
        first = timeline.first_visits
        freed_s, start_s = timeline.freed_s, timeline.start_s
        # Below 1 for participations that were called off.
        done = (freed_s - start_s) / (timeline.arrival_s - start_s)
        # A full first download holds the slices already.
        again = ~(first & (once > 0))
        # A group of masks that lost a device begins again, with new keys.
        attempts = prepared.attempts
        keys = KEY_BYTES * timeline.policy.buffer * (attempts - 1)
        self._totals = {
            "upload_bytes": RunningTotal(timeline.arrival_s, upload * arrived * attempts, "right"),
            "download_bytes": RunningTotal(start_s, download * again + keys, "left"),
            "first_download_bytes": RunningTotal(start_s, once * first, "left"),
            "index_bytes": RunningTotal(start_s, index, "left"),
            "energy_j": RunningTotal(freed_s, prepared.energy_per_update_j * done, "right"),
        }

    def until(self, sim_seconds: float, version: int) -> dict[str, float]:
        """Return the totals at a moment."""
        point = {"sim_seconds": sim_seconds, "updates": float(self._updates[version])}
        point |= {name: total.until(sim_seconds) for name, total in self._totals.items()}
        energy_j = point.pop("energy_j")
        point["total_bytes"] = sum(
            value for name, value in point.items() if name.endswith("_bytes")
        )
        return {**point, "energy_j": energy_j}


def _messages(prepared: Prepared) -> tuple[np.ndarray, ...]:
    """Return the bytes of upload, download, first download and index for each participation."""
    timeline, phases = prepared.timeline, prepared.tiers.phases
    traffic = [tier.traffic for tier in prepared.tiers.tiers]
    upload, download, once, index = (
        np.array([getattr(one, name) for one in traffic])[prepared.tier]
        for name in ("upload", "download", "once", "index")
    )
    index = index * timeline.first_visits
    if phases is not None:
        sizes = np.zeros((len(phases), len(phases)), np.int64)
        for pair, size in phases.download.items():
            sizes[pair] = size
        download = sizes[timeline.oldest, timeline.phase]
        sent = [one.index * (timeline.indexed >> k & 1) for k, one in enumerate(traffic)]
        index = np.sum(sent, axis=0)
    return upload, download, once, index


class RunningTotal:
    """Add up amounts until a moment.

    Args:
        at_s: virtual time of each amount.
        amounts: what is added up.
        side: whether amounts at the moment itself count ("right") or not ("left").
    """

    def __init__(
        self, at_s: np.ndarray, amounts: np.ndarray, side: Literal["left", "right"]
    ) -> None:
        order = np.argsort(at_s, kind="stable")
        self._at_s = at_s[order]
        self._side = side
        self._sums = np.concatenate([[0.0], np.cumsum(amounts[order])])

    def until(self, sim_seconds: float) -> float:
        """Return the sum until a moment."""
        return float(self._sums[np.searchsorted(self._at_s, sim_seconds, side=self._side)])
