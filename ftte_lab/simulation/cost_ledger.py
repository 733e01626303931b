"""Sum up what a run costs over virtual time: updates, bytes and joules."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ftte_lab.server import Fate
from ftte_lab.simulation.prepare import Prepared


class _Books:
    """Running totals over virtual time: updates, bytes and joules of all participations, wasted ones included."""

    def __init__(self, ready: Prepared) -> None:
        timeline, tiers = ready.timeline, ready.tiers
        self.applied = np.concatenate([[0], timeline.step_end])
        upload, download, once, index = (
            tiers.per_client([getattr(t.traffic, name) for t in tiers.all])[timeline.client]
            for name in ("upload", "download", "once", "index")
        )
        arrived = np.isin(timeline.fate, (Fate.APPLIED, Fate.BUFFERED, Fate.STALE))
        first = timeline.first_visits
        freed_s = timeline.freed_s
        done = (freed_s - timeline.start_s) / (
            timeline.arrival_s - timeline.start_s
        )  # below 1 if called off
        self.totals = {
            "upload_bytes": _Total(timeline.arrival_s, upload * arrived, "right"),
            # a full first download holds the slices already
            "download_bytes": _Total(timeline.start_s, download * ~(first & (once > 0)), "left"),
            "first_download_bytes": _Total(timeline.start_s, once * first, "left"),
            "index_bytes": _Total(timeline.start_s, index * first, "left"),
            "energy_j": _Total(freed_s, ready.energy_j[timeline.client] * done, "right"),
        }

    def until(self, sim_seconds: float, version: int) -> dict[str, float]:
        """Totals at a moment."""
        point = {"sim_seconds": sim_seconds, "updates": float(self.applied[version])}
        point |= {name: total.until(sim_seconds) for name, total in self.totals.items()}
        energy_j = point.pop("energy_j")
        point["total_bytes"] = sum(
            value for name, value in point.items() if name.endswith("_bytes")
        )
        return {**point, "energy_j": energy_j}


class _Total:
    """Amounts at times, added up until a moment: with those at the moment itself (`right`) or without."""

    def __init__(
        self, at_s: np.ndarray, amounts: np.ndarray, side: Literal["left", "right"]
    ) -> None:
        order = np.argsort(at_s, kind="stable")
        self.at_s, self.side = at_s[order], side
        self.sums = np.concatenate([[0.0], np.cumsum(amounts[order])])

    def until(self, sim_seconds: float) -> float:
        return float(self.sums[np.searchsorted(self.at_s, sim_seconds, side=self.side)])
