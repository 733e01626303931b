"""Keep a part of the model on each device: trained there, never sent, and used there.

    start    the server's shared part, and the device's own private part
    train    both together, as ever
    send     the change of the shared part; the private part stays

So a device is judged by the model that it has: shared body and own head, or shared net and own
norms. A new device begins with the private part of the first model. An update that the server never
takes leaves the private part as it was: such training is not computed (our reconstruction).

Sources: Arivazhagan et al. 2019, "FedPer", arXiv 1912.00818; Collins et al. 2021, "FedRep", which
trains the head first; Li et al. 2021, "FedBN".
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ftte_lab.models import Params, Subset, flatten_trained, from_rows, insert, make_plan
from ftte_lab.simulation.cohorts import Cohort
from ftte_lab.simulation.local_training import LocalTraining
from ftte_lab.simulation.prepared import Prepared
from ftte_lab.simulation.tier import entry_places
from ftte_lab.training import FrozenFeatures, Updates, chunk_sizes, gather_batches


class PrivateParts:
    """Hold the private part of every device, and train devices from their own.

    Args:
        prepared: the prepared run; something of what it trains is not sent.
        local: the training data and optimisers.
    """

    def __init__(self, prepared: Prepared, local: LocalTraining) -> None:
        federation, tier = prepared.federation, prepared.weakest
        self.model, self.timeline, self.local = federation.model, prepared.timeline, local
        sent = tier.sent.subset.parts
        self.subset = Subset({k: at for k, at in tier.plan.subset.parts.items() if k not in sent})
        self._kept_at = entry_places(tier.plan, make_plan(self.model, self.subset))
        self._sent_at = entry_places(tier.plan, tier.sent)
        first = flatten_trained(self.model, self.subset, federation.params)
        self.newest = first.repeat(prepared.scenario.clients, 1)
        self.shown = self.newest.clone()
        self._later: list[tuple[float, int, Tensor]] = []
        self._test = [(c, own) for c, own in enumerate(federation.shards.test) if len(own)]

    @classmethod
    def of(cls, prepared: Prepared, local: LocalTraining) -> PrivateParts | None:
        """Return them for a run whose devices keep something, else `None`.

        Args:
            prepared: the prepared run.
            local: the training data and optimisers.
        """
        return None if prepared.scenario.private is None else cls(prepared, local)

    def train(self, cohort: Cohort) -> Updates:
        """Train the clients of a cohort from their own private parts; return what they send.

        A client that starts twice from one version continues from its first time.
        """
        clients = self.timeline.client[cohort.participations]
        entries, found = len(self._sent_at), len(clients)
        rows = self.newest.new_zeros(found, entries)
        variance = self.newest.new_zeros(found)
        for wave in _waves(clients):
            sizes = chunk_sizes(len(wave), self.local.at_once[0])
            for begin, end in pairwise(np.cumsum([0, *sizes]).tolist()):
                places = wave[begin:end]
                at = torch.as_tensor(places, device="cpu")
                updates = self._train(cohort.select(places), clients[places])
                rows[at], variance[at] = updates.rows[:, self._sent_at], updates.step_variance
        return Updates(rows, rows.new_empty(found, 0), variance)

    def _train(self, cohort: Cohort, clients: np.ndarray) -> Updates:
        """Train different clients together, and keep their new private parts."""
        x, y = gather_batches(self.local.inputs.of(0), self.local.y, cohort.batches)
        at = torch.as_tensor(clients, device="cpu")
        starts = self._models(cohort.start.params, self.newest[at])
        updates = self.local.optimisers[0].train_stacked(starts, [1] * len(clients), x, y)
        after = self.newest[at] + updates.rows[:, self._kept_at]
        usable = after.isfinite().all(1, keepdim=True)  # what diverged is not kept
        self.newest[at] = torch.where(usable, after, self.newest[at])
        arrival_s = self.timeline.arrival_s[cohort.participations]
        done = zip(arrival_s.tolist(), clients.tolist(), self.newest[at], strict=True)
        self._later.extend(done)
        return updates

    def logits(self, inputs: FrozenFeatures, params: Params, sim_seconds: float) -> Tensor:
        """Judge each test sample by the model of its device at a moment, `(n, classes)`.

        Args:
            inputs: the test samples.
            params: of the server at that moment.
            sim_seconds: the moment; it never lies before an earlier one.
        """
        self._show(sim_seconds)
        net, out = (
            self.local.optimisers[0].net,
            torch.zeros(len(inputs), self.model.classes, dtype=torch.float32, device="cpu"),
        )
        sizes = chunk_sizes(len(self._test), self.local.at_once[0])
        for begin, end in pairwise(np.cumsum([0, *sizes]).tolist()):
            part = self._test[begin:end]
            longest = max(len(own) for _, own in part)
            at = np.stack([np.resize(own, longest) for _, own in part])
            rows = self.shown[torch.as_tensor([c for c, _ in part], device="cpu")]
            with torch.inference_mode():
                stacked = net.stack(self._models(params, rows), [1] * len(part))
                found = net.forward(inputs.gather(torch.as_tensor(at, device="cpu")), stacked)
            for logits, (_, own) in zip(found, part, strict=True):
                out[torch.as_tensor(own, device="cpu")] = logits[: len(own)].clone()
        return out

    def _show(self, sim_seconds: float) -> None:
        """Show the private parts of all trainings that are over by a moment."""
        over = [one for one in self._later if one[0] <= sim_seconds]
        for _, client, row in sorted(over, key=lambda one: one[0]):
            self.shown[client] = row
        self._later = [one for one in self._later if one[0] > sim_seconds]

    def _models(self, params: Params, rows: Tensor) -> list[Params]:
        """Return a complete model for each private part, `(C, p)`."""
        named = [from_rows(self.model, self.subset, row) for row in rows]
        return [insert(self.model, self.subset, params, own) for own in named]


def _waves(clients: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the places of all clients that stand there for the first time, then the second."""
    order = np.argsort(clients, kind="stable")
    ranked = clients[order]
    first = np.searchsorted(ranked, ranked)
    turn = np.empty(len(clients), np.int64)
    turn[order] = np.arange(len(clients)) - first
    for k in range(int(turn.max(initial=-1)) + 1):
        yield np.flatnonzero(turn == k)
