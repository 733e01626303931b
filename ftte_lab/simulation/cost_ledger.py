"""Sum up what a run costs over virtual time: updates, bytes and joules."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ftte_lab.server import Fate
from ftte_lab.simulation.prepare import Prepared


class CostLedger:
    """Keep running totals over virtual time, those of wasted participations included.

    Args:
        prepared: the prepared run.
    """

    def __init__(self, prepared: Prepared) -> None:
        timeline, tiers = prepared.timeline, prepared.tiers
        self._updates = np.concatenate([[0], timeline.step_end])
        upload, download, once, index = (
            tiers.per_client([getattr(tier.traffic, name) for tier in tiers.tiers])[timeline.client]
            for name in ("upload", "download", "once", "index")
        )
        arrived = np.isin(timeline.fate, (Fate.APPLIED, Fate.BUFFERED, Fate.STALE))
        first = timeline.first_visits
        freed_s, start_s = timeline.freed_s, timeline.start_s
        # Below 1 for participations that were called off.
        done = (freed_s - start_s) / (timeline.arrival_s - start_s)
        # A full first download holds the slices already.
        again = ~(first & (once > 0))
        energy_j = prepared.energy_j[timeline.client]
        self._totals = {
            "upload_bytes": RunningTotal(timeline.arrival_s, upload * arrived, "right"),
            "download_bytes": RunningTotal(start_s, download * again, "left"),
            "first_download_bytes": RunningTotal(start_s, once * first, "left"),
            "index_bytes": RunningTotal(start_s, index * first, "left"),
            "energy_j": RunningTotal(freed_s, energy_j * done, "right"),
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
