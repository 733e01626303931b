"""Train as a node: the clients that it plays, on their own shards.

A node makes its shards from the scenario's text, so no data are ever sent. Everything else comes
with a job. Training, faults and rounding are those of the simulation.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from ftte_lab.deployment.messages import Held, Job, Update, Welcome
from ftte_lab.deployment.node_memory import NodeMemory
from ftte_lab.deployment.phase_clock import Pause, PhaseClock
from ftte_lab.deployment.played_device import PlayedDevice
from ftte_lab.devices import FaultyMessages
from ftte_lab.models import build
from ftte_lab.simulation import Scenario, client_data, client_labels, faulty_of, packed_update
from ftte_lab.training import FrozenInputs, Updates, clients_at_once, draw_batches


class Node:
    """Play clients of one run.

    Args:
        welcome: the run, and which clients.
        budget_kib: what this node may hold in a training step (KiB); `None`: as the run says.

    Raises:
        ValueError: a scenario that cannot be read, or data that is not on this machine.
    """

    def __init__(self, welcome: Welcome, budget_kib: float | None = None) -> None:
        self.scenario = s = Scenario.from_json(welcome.scenario)
        self.clients, self._union = welcome.clients, welcome.union
        dataset, self._shards = client_data(s)
        self._model = build(s.model, dataset.shape, dataset.n_classes)
        self._labels = torch.as_tensor(client_labels(s, dataset, self._shards), device="cpu")
        self._faults = FaultyMessages(s.fault, faulty_of(s), s.seed)
        self._x = torch.as_tensor(dataset.x_train, device="cpu")
        self._devices: dict[int, PlayedDevice] = {}
        self._memory, self._held = NodeMemory(s, budget_kib), dict[int, Held]()
        self._inputs: FrozenInputs | None = None

    def answer(self, job: Job, pause: Pause = time.sleep) -> Update:
        """Do a job: take what is downloaded, train, and pack the update.

        Args:
            job: what to do.
            pause: called to take as long as the pace of the job asks for.

        Raises:
            ValueError: a job that does not fit the run, or not the memory of this node.
        """
        clock = PhaseClock(job.pace, pause)
        device = self._downloaded(job)
        clock.end_phase()
        updates = self._train(job, device)
        clock.end_phase()
        payload, variance = self._packed(job, device, updates)
        clock.end_phase()
        return Update(job.number, payload, variance, clock.seconds, self._held[job.client])

    def _downloaded(self, job: Job) -> PlayedDevice:
        """Return the client's device with the model of the job."""
        if job.client not in self.clients:
            raise ValueError(f"client {job.client} is not played here; allowed: {self.clients}.")
        if job.client not in self._devices or set(job.parts) != {"row"}:
            first = PlayedDevice(self.scenario, self._model, job, self._union)
            self._held[job.client] = self._step_memory(first, job)
            self._devices[job.client] = first
        device = self._devices[job.client]
        device.download(job)
        return device

    def _step_memory(self, device: PlayedDevice, job: Job) -> Held:
        """Measure once per client what a step holds, if it fits this node."""
        model, subset = self._model, device.plan.subset
        at_once = self._memory.micro_batch(model, subset, job.micro_batch)
        return self._memory.measured(model, device.params, subset, at_once)

    def _train(self, job: Job, device: PlayedDevice) -> Updates:
        """Train as the simulation does; beside its own twin, where it trains beside others.

        A client alone runs through other kernels than several that are stacked: the same sums in
        another order. In a stack its bits do not depend on who else is there.
        """
        s, shard = self.scenario, self._shards.train[job.client]
        at = draw_batches(
            len(shard), s.local_steps, s.batch, seed=s.seed, client=job.client, visit=job.visit
        )
        batches = torch.as_tensor(shard[at], device="cpu")[None]
        if job.together:
            batches = batches.expand(2, -1, -1)
        if self._inputs is None:  # what is frozen for good is the same for all clients
            self._inputs = FrozenInputs(self._model, device.params, self._x, (device.union.start,))
        at_once = clients_at_once(device.plan, s.batch)
        inputs = self._inputs.of(0)
        return device.optimiser.train(device.params, inputs, self._labels, batches, at_once)

    def _packed(self, job: Job, device: PlayedDevice, updates: Updates) -> tuple[bytes, float]:
        """Return the message of an update, and the variance beside it."""
        row = updates.rows.new_zeros(1, device.entries)
        row[0, device.columns] = updates.rows[0]
        variance = torch.zeros(1, dtype=torch.float64, device="cpu")
        if device.optimiser.track_variance:
            variance = updates.step_variance[:1].double()
        client, visit = np.array([job.client]), np.array([job.visit])
        rows, sent = self._faults.sent(client, visit, [row, variance])
        own, seed = rows[0, device.columns], self.scenario.seed
        payload = packed_update(device.up, own, seed, job.client, job.visit)
        return payload, float(sent[0])
