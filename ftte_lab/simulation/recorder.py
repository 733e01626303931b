"""Evaluate the model during a run, for all and for the slowest, and add the costs until then."""

from __future__ import annotations

import weakref
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ftte_lab.models import Params
from ftte_lab.simulation.cost_ledger import CostLedger
from ftte_lab.simulation.events import Evaluated
from ftte_lab.simulation.federation import Federation
from ftte_lab.simulation.history import History
from ftte_lab.simulation.prepared import Prepared
from ftte_lab.simulation.stepped import Stepped

_FIRST_MODELS = 8  # whose logits are kept: some megabytes


class Recorder:
    """Evaluate the server's model on the test data, and keep the points.

    Args:
        prepared: the prepared run; its frozen blocks are evaluated once.
    """

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        dataset = prepared.federation.dataset
        self.inputs = prepared.inputs(dataset.x_test)
        self.y = torch.as_tensor(dataset.y_test, device="cpu")
        self.points: list[dict[str, float]] = []
        self.ledger = CostLedger(prepared)
        self._faulty = _FaultyWeight(prepared.faulty)
        self._clients = _ClientTestData(prepared.federation.shards.test)
        self._groups = _groups(prepared)

    def stepped(self, event: Stepped) -> None:
        """Take down how much weight a server step gave to faulty clients."""
        self._faulty.add(event.clients, event.weights)

    def evaluate(
        self, version: int, sim_seconds: float, params: Params, logits: Tensor | None = None
    ) -> Evaluated:
        """Evaluate one version of the model and keep the point.

        Args:
            version: of the server.
            sim_seconds: when it was made.
            params: its parameters.
            logits: of the test data, if a worker has computed them already.
        """
        if logits is None:
            logits = self._logits(version, params)
        right = (logits.argmax(1) == self.y).numpy().astype(np.int64)
        clients = self._clients.accuracies(right)
        per_client = np.sort(clients[np.isfinite(clients)])
        point = {
            "version": float(version),
            **self.ledger.until(sim_seconds, version),
            "accuracy": float(right.mean()),
            "loss": float(cross_entropy(logits, self.y)),
            "worst_decile_accuracy": float(per_client[: max(1, len(per_client) // 10)].mean()),
        }
        for name, group in self._groups.items():
            point[name] = float(right[group].mean()) if len(group) else float("nan")
        if self.prepared.scenario.batteries:
            point["survival"] = self.prepared.survival(sim_seconds)
        if self.prepared.scenario.noise_multiplier:
            point["epsilon"] = self.prepared.epsilon_until(version)
        if self._faulty:
            point["faulty_weight"] = self._faulty.until(version)
        self.points.append(point)
        return Evaluated(point, clients)

    def _logits(self, version: int, params: Params) -> Tensor:
        """Evaluate a version; all runs of a fleet begin with the same one, which is kept."""

        def make() -> Tensor:
            phase = int(self.prepared.timeline.phase_at(version))
            return self.inputs.of(phase).logits(params)

        shared = self.prepared.federation
        same = all(value is shared.params[name] for name, value in params.items())
        return _first.of(shared, self.prepared.tiers.starts, make) if same else make()

    def history(self, rejected: Counter[str]) -> History:
        """Return the record of the run.

        Args:
            rejected: how many updates were rejected, by reason.
        """
        import pandas as pd  # here: a node that only trains does not need it

        facts = _facts(self.prepared) | {"rejected_updates": dict(rejected)}
        if self.prepared.tiers.phases is not None:
            facts["phases"] = _phase_facts(self.prepared)
        facts |= _privacy_facts(self.prepared)
        if self._faulty:
            facts["faulty_clients"] = int(self.prepared.faulty.sum())
        return History(self.prepared.scenario.to_dict(), pd.DataFrame(self.points), facts)


class _FirstLogits:
    """Keep the logits of a few first models, each with what it was computed from."""

    def __init__(self) -> None:
        self._known: deque[tuple[Params, weakref.ref[np.ndarray], tuple[int, ...], Tensor]] = deque(
            maxlen=_FIRST_MODELS
        )

    def of(self, shared: Federation, starts: tuple[int, ...], make: Callable[[], Tensor]) -> Tensor:
        """Return the logits of a federation's model, computed from these operations on."""
        params, x = shared.params, shared.dataset.x_test
        for known, held, known_starts, logits in list(self._known):
            if known is params and held() is x and known_starts == starts:
                return logits
        logits = make()
        self._known.append((params, weakref.ref(x), starts, logits))
        return logits


_first = _FirstLogits()


class _ClientTestData:
    """Hold which test samples belong to which client."""

    def __init__(self, shards: tuple[np.ndarray, ...]) -> None:
        self._held = np.array([len(shard) > 0 for shard in shards])
        held = [shard for shard in shards if len(shard)]
        self._order = np.concatenate(held)
        self._bounds = np.cumsum([0, *map(len, held)])

    def accuracies(self, right: np.ndarray) -> np.ndarray:
        """Return the accuracy of each client, from 1 or 0 per test sample; nan: it has none."""
        sums = np.add.reduceat(right[self._order], self._bounds[:-1])
        found = np.full(len(self._held), np.nan)
        found[self._held] = sums / np.diff(self._bounds)
        return found


class _FaultyWeight:
    """Sum up the weight that faulty clients got, step by step; false if nobody is faulty."""

    def __init__(self, faulty: np.ndarray) -> None:
        self._is_faulty = faulty
        self._faulty, self._all = [0.0], [0.0]

    def __bool__(self) -> bool:
        return bool(self._is_faulty.any())

    def add(self, clients: np.ndarray, weights: np.ndarray) -> None:
        """Add the weights of one step."""
        self._faulty.append(self._faulty[-1] + float(weights[self._is_faulty[clients]].sum()))
        self._all.append(self._all[-1] + float(weights.sum()))

    def until(self, version: int) -> float:
        """Return the share of all weight so far that faulty clients got; 0 before any step."""
        return self._faulty[version] / self._all[version] if self._all[version] else 0.0


def _groups(prepared: Prepared) -> dict[str, np.ndarray]:
    """Return the test samples behind the accuracies of stragglers and of each device kind."""
    test = prepared.federation.shards.test
    kinds = np.array(prepared.federation.fleet.kind)
    groups = {"straggler_accuracy": np.concatenate([test[c] for c in prepared.slowest])}
    for kind in sorted(set(kinds)):
        clients = np.flatnonzero(kinds == kind)
        groups[f"accuracy_{kind}"] = np.concatenate([test[c] for c in clients])
    return groups


def _facts(prepared: Prepared) -> dict[str, Any]:
    """Return what is known of a run besides its points."""
    bill, timeline, tiers = prepared.bill, prepared.timeline, prepared.tiers
    overheads = tiers.per_client([tier.bill.overhead_bytes for tier in tiers.tiers])
    return {
        "peak_memory_bytes": bill.peak_bytes,
        "overhead_bytes": bill.overhead_bytes,
        "inference_peak_bytes": bill.inference_peak_bytes,
        "inference_one_bytes": bill.inference_one_bytes,
        "micro_batch": bill.micro_batch,
        "mean_overhead_bytes": float(np.mean(overheads)),
        "upload_bytes_per_update": prepared.traffic.upload,
        "download_bytes_per_update": prepared.traffic.download,
        "first_download_bytes": prepared.traffic.once,
        "index_bytes": prepared.traffic.index,
        "trained_parameters": prepared.plan.subset.entries(prepared.federation.model),
        "parameters": prepared.federation.model.size,
        "subset": prepared.plan.subset.to_json(),
        "tiers": [_tier_facts(prepared, k) for k in range(len(tiers))],
        "devices_too_small": int((~prepared.holds).sum()),
        "devices_left_out": int((~prepared.eligible).sum()),
        "data_left_out": prepared.data_left_out,
        "server_steps": len(timeline.step_s),
        "mean_staleness": float(timeline.staleness.mean()) if len(timeline.staleness) else 0.0,
        "fates": timeline.counts(),
    }


def _tier_facts(prepared: Prepared, k: int) -> dict[str, Any]:
    tier, in_turn = prepared.tiers.tiers[k], prepared.tiers.phases is not None
    return {
        "kinds": list(tier.kinds),
        "clients": int(((prepared.tiers.tier_of_client == k) | in_turn).sum()),
        "peak_memory_bytes": tier.bill.peak_bytes,
        "overhead_bytes": tier.bill.overhead_bytes,
        "upload_bytes": tier.traffic.upload,
        "trained_parameters": tier.plan.subset.entries(prepared.federation.model),
    }


def _privacy_facts(prepared: Prepared) -> dict[str, Any]:
    """Return what clip, noise, masks and private parts cost; nothing where there are none."""
    s, facts = prepared.scenario, dict[str, Any]()
    if s.noise_multiplier:
        losses = prepared.epsilon()
        facts["epsilon"] = {"median": float(np.median(losses)), "largest": float(losses.max())}
        facts["noise_to_clip"] = prepared.noise_to_clip
    if s.private is not None:
        model, tier = prepared.federation.model, prepared.weakest
        sent = tier.sent.subset.entries(model)
        facts["private_parameters"] = tier.plan.subset.entries(model) - sent
    if s.secure_aggregation:
        facts["mask_groups_repeated"] = int((prepared.lost_when_ready > 0).sum())
    return facts


def _phase_facts(prepared: Prepared) -> list[dict[str, float]]:
    """Return when each phase that was reached began, and how much was trained by its end."""
    timeline, phases = prepared.timeline, prepared.tiers.phases
    assert phases is not None  # noqa: S101
    begin_s = [0.0, *timeline.step_s[timeline.redrawn - 1].tolist()]
    return [
        {"begin_s": at, "trained_until_then": plan.subset.entries(plan.model)}
        for at, plan in zip(begin_s, phases.reached, strict=False)
    ]


def evaluation_versions(prepared: Prepared) -> set[int]:
    """Return the versions to evaluate: the newest at each tick of an even grid over the horizon."""
    ticks = np.linspace(0, prepared.scenario.horizon_s, prepared.scenario.evaluations)[1:]
    newest = np.searchsorted(prepared.timeline.step_s, ticks, side="right")
    return set(newest.tolist()) - {0}
