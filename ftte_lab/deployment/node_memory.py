"""Hold a node to a memory budget, and measure what a training step really holds there.

A node that is short of memory takes the largest micro-batch that fits: the same gradient from fewer
stored activations.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ftte_lab._common import require
from ftte_lab.deployment.messages import NOT_MEASURED, Held
from ftte_lab.devices import (
    ACCOUNTINGS,
    DeviceTrainer,
    MemoryModel,
    measure_trainer_peak,
    memory_model,
)
from ftte_lab.models import Model, Params, Subset
from ftte_lab.server import CORRECTIONS, largest_micro_batch
from ftte_lab.simulation import Scenario


@dataclass(frozen=True)
class NodeMemory:
    """Decide how many samples a node passes at once, and measure its step.

    Attributes:
        scenario: the run.
        budget_kib: what the node may hold in a training step (KiB); `None`: as the run says.
    """

    scenario: Scenario
    budget_kib: float | None = None

    def micro_batch(self, model: Model, subset: Subset, asked: int) -> int:
        """Return how many samples to pass at once; no more than the server asks for.

        Args:
            model: the net.
            subset: what is trained.
            asked: micro-batch of the job; 0: the complete batch.

        Raises:
            ValueError: not even one sample at once fits the budget of this node.
        """
        wanted = asked or self.scenario.batch
        if self.budget_kib is None:
            return wanted
        budget = int(1024 * self.budget_kib)
        memory = partial(
            memory_model,
            model,
            self.scenario.batch,
            self.scenario.accounting,
            self.scenario.client_momentum > 0,
            CORRECTIONS[self.scenario.correction].state_vectors > 0,
            recompute=self.scenario.recompute,
        )
        found = min(wanted, largest_micro_batch(memory, subset, budget) or wanted)
        chosen: MemoryModel = memory(micro_batch=found)
        peak = chosen.peak_of(subset)
        require(
            peak <= budget,
            f"a training step of {peak / 1024:.1f} KiB",
            f"{self.budget_kib:g} KiB, the budget of this node",
            "Raise --memory, or train a smaller part",
        )
        return found

    def measured(self, model: Model, params: Params, subset: Subset, micro_batch: int) -> Held:
        """Take steps as the device would, and return what they hold; zeros where it is unknown.

        Args:
            model: the net.
            params: its parameters, which stay as they are.
            subset: what is trained.
            micro_batch: samples that are passed at once.
        """
        s = self.scenario
        if ACCOUNTINGS[s.accounting].activation_bytes != 4:  # PyTorch here computes in fp32
            return NOT_MEASURED
        before = _resident_bytes()
        trainer = DeviceTrainer(
            model,
            params,
            subset,
            rate=s.client_rate,
            momentum=s.client_momentum,
            fused=ACCOUNTINGS[s.accounting].fused,
            proximal=s.proximal if CORRECTIONS[s.correction].proximal else 0.0,
            micro_batch=micro_batch,
            recompute=s.recompute,
        )
        peak = measure_trainer_peak(trainer, s.batch)
        return peak, max(0, _resident_bytes() - before), micro_batch


def _resident_bytes() -> int:
    """Return the resident memory of this process; 0 where it is unknown."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # another system
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
