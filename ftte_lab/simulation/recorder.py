"""What is looked at during a run: accuracy for all and for the slowest, and what it cost until then."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ftte_lab.models import Params
from ftte_lab.simulation.cost_ledger import _Books
from ftte_lab.simulation.history import History
from ftte_lab.simulation.prepare import Prepared


class Recorder:
    """Evaluates the server's model on the test data and keeps the books.

    Args:
        ready: the prepared run; its frozen blocks are evaluated once.
    """

    def __init__(self, ready: Prepared) -> None:
        self.ready = ready
        dataset = ready.federation.dataset
        self.inputs = ready.inputs(dataset.x_test)
        self.y = torch.as_tensor(dataset.y_test)
        self.points: list[dict[str, float]] = []
        self.books = _Books(ready)
        test = ready.federation.shards.test
        held = [shard for shard in test if len(shard)]
        self.test_order, self.test_bounds = np.concatenate(held), np.cumsum([0, *map(len, held)])
        kinds = np.array(ready.federation.fleet.kind)
        self.groups = {"straggler_accuracy": np.concatenate([test[c] for c in ready.slowest])}
        for kind in sorted(set(kinds)):
            self.groups[f"accuracy_{kind}"] = np.concatenate(
                [test[c] for c in np.flatnonzero(kinds == kind)]
            )

    def look(
        self, version: int, sim_seconds: float, params: Params, logits: Tensor | None = None
    ) -> dict[str, float]:
        """Evaluate one version of the model, unless its logits are known already, and note the point."""
        logits = self.inputs.logits(params) if logits is None else logits
        right = (logits.argmax(1) == self.y).numpy().astype(np.int64)
        per_client = np.add.reduceat(right[self.test_order], self.test_bounds[:-1]) / np.diff(
            self.test_bounds
        )
        worst = np.sort(per_client)[: max(1, len(per_client) // 10)]
        point = {
            "version": float(version),
            **self.books.until(sim_seconds, version),
            "accuracy": float(right.mean()),
            "loss": float(cross_entropy(logits, self.y)),
            "worst_decile_accuracy": float(worst.mean()),
        }
        for name, group in self.groups.items():
            point[name] = float(right[group].mean()) if len(group) else float("nan")
        self.points.append(point)
        return point

    def history(self, rejected: Counter[str]) -> History:
        """The record of the run."""
        ready = self.ready
        bill, timeline, tiers = ready.bill, ready.timeline, ready.tiers
        facts: dict[str, Any] = {
            "peak_memory_bytes": bill.peak_bytes,
            "overhead_bytes": bill.overhead_bytes,
            "inference_peak_bytes": bill.inference_peak_bytes,
            "mean_overhead_bytes": float(
                np.mean(tiers.per_client([t.bill.overhead_bytes for t in tiers.all]))
            ),
            "upload_bytes_per_update": ready.traffic.upload,
            "download_bytes_per_update": ready.traffic.download,
            "first_download_bytes": ready.traffic.once,
            "index_bytes": ready.traffic.index,
            "trained_parameters": ready.plan.subset.entries(ready.federation.model),
            "parameters": ready.federation.model.size,
            "subset": ready.plan.subset.to_json(),
            "tiers": [_tier_facts(ready, k) for k in range(len(tiers))],
            "devices_too_small": int((~ready.holds).sum()),
            "devices_left_out": int((~ready.eligible).sum()),
            "data_left_out": ready.data_left_out,
            "server_steps": len(timeline.step_s),
            "mean_staleness": float(timeline.staleness.mean()) if len(timeline.staleness) else 0.0,
            "fates": timeline.counts(),
            "rejected_updates": dict(rejected),
        }
        return History(ready.scenario.to_dict(), pd.DataFrame(self.points), facts)


def _tier_facts(ready: Prepared, k: int) -> dict[str, Any]:
    tier = ready.tiers.all[k]
    return {
        "kinds": list(tier.kinds),
        "clients": int((ready.tiers.of == k).sum()),
        "peak_memory_bytes": tier.bill.peak_bytes,
        "overhead_bytes": tier.bill.overhead_bytes,
        "upload_bytes": tier.traffic.upload,
        "trained_parameters": tier.plan.subset.entries(ready.federation.model),
    }


def evaluation_versions(ready: Prepared) -> set[int]:
    """Versions to evaluate: the newest at each tick of an even grid over the horizon."""
    ticks = np.linspace(0, ready.scenario.horizon_s, ready.scenario.evaluations)[1:]
    return set(np.searchsorted(ready.timeline.step_s, ticks, side="right").tolist()) - {0}
