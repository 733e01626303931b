"""Hold what each device trains: one subset for the fleet, one per tier of devices, or in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import require
from ftte_lab.devices import MemoryBill
from ftte_lab.models import Model, Plan, Subset, flatten_trained, from_rows, insert, make_plan
from ftte_lab.server import Choice
from ftte_lab.simulation.phases import Phases
from ftte_lab.simulation.traffic import Traffic
from ftte_lab.training import personal_part


@dataclass(frozen=True, eq=False)
class Tier:
    """Devices that train the same subset.

    Attributes:
        kinds: the device kinds of the tier.
        plan: what the subset asks of each operation.
        sent: plan of what is sent: all of it, but for the private part.
        choice: how the subset was chosen, or `None` if everything is trained.
        bill: memory of one training step.
        traffic: bytes of one message of each sort.
    """

    kinds: tuple[str, ...]
    plan: Plan
    sent: Plan
    choice: Choice | None
    bill: MemoryBill
    traffic: Traffic


@dataclass(frozen=True, eq=False)
class Tiers:
    """All tiers of a fleet.

    The server moves the entries of the union, and a device downloads all of them, because devices
    of other tiers have changed them too.

    Attributes:
        tiers: the tiers, the weakest first; with phases, what the fleet trains in each.
        tier_of_client: `(clients,)`, index into `tiers`; with phases, 0: the first.
        union: plan of all entries that any tier trains and sends.
        phases: the order of the subsets, if they follow one another; `None`: there is no order.
    """

    tiers: tuple[Tier, ...]
    tier_of_client: np.ndarray
    union: Plan
    phases: Phases | None = None

    def __len__(self) -> int:
        return len(self.tiers)

    @cached_property
    def columns(self) -> tuple[Tensor, ...]:
        """Where the entries that each tier sends stand in the server's row."""
        return tuple(entry_places(self.union, tier.sent) for tier in self.tiers)

    @cached_property
    def reached(self) -> tuple[Tensor, ...]:
        """Where the entries stand that have been trained by the end of each phase."""
        if self.phases is None:
            return ()
        return tuple(entry_places(self.union, plan) for plan in self.phases.reached)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Return for each tier the operation before which everything is frozen.

        With phases, it is frozen until the end of this phase.
        """
        if self.phases is None:
            return (min(tier.plan.start for tier in self.tiers),) * len(self)
        return tuple(plan.start for plan in self.phases.reached)

    @cached_property
    def coverage(self) -> Tensor:
        """Which entries of the server's row each tier sends, 0 or 1, `(tiers, d)`."""
        entries = self.union.subset.entries(self.union.model)
        out = torch.zeros(len(self), entries, dtype=torch.float32, device="cpu")
        for mark, columns in zip(out, self.columns, strict=True):
            mark[columns] = 1.0
        return out

    def per_client(self, values: Sequence[float]) -> np.ndarray:
        """Spread one number per tier to one per client, `(clients,)`."""
        return np.asarray(values)[self.tier_of_client]


def entry_places(union: Plan, plan: Plan) -> Tensor:
    """Return where the trained entries of a plan stand in the row of a larger one, `(d,)`.

    Args:
        union: trains all that the plan does, and more.
        plan: of the same net.
    """
    model, subset = union.model, union.subset
    entries = subset.entries(model)
    places = torch.arange(entries, dtype=torch.float64, device="cpu")  # exact up to 2^53
    nowhere = {
        name: torch.full(info.shape, -1.0, dtype=torch.float64, device="cpu")
        for name, info in model.tensors.items()
    }
    placed = insert(model, subset, nowhere, from_rows(model, subset, places))
    return flatten_trained(model, plan.subset, placed).long()


def sent_plan(model: Model, trained: Subset, private: str | None) -> Plan:
    """Return the plan of what a device sends: all that it trains, without its private part.

    Args:
        model: the net.
        trained: what a device trains.
        private: one of `training.PARTS`, which it keeps; `None`: nothing.

    Raises:
        ValueError: nothing of the private part is trained, or nothing else is.

    Source: Arivazhagan et al. 2019, "FedPer", arXiv 1912.00818, for the head; Li et al. 2021,
    "FedBN", arXiv 2102.07623, for the norms.

    Example:
        >>> from ftte_lab.models import build, full
        >>> net = build("mlp", (1, 4, 4), 2)
        >>> sorted(set(net.tensors) - set(sent_plan(net, full(net), "head").subset.parts))
        ['head.bias', 'head.weight']
    """
    own = (
        set() if private is None else set(personal_part(model, private).parts) & set(trained.parts)
    )
    given = f"private = {private!r} with a subset that trains"
    fix = "Train more, or keep another part"
    require(private is None or bool(own), f"{given} none of it", "a part that is trained", fix)
    sent = {name: channels for name, channels in trained.parts.items() if name not in own}
    require(bool(sent), f"{given} nothing else", "something to send", fix)
    return make_plan(model, Subset(sent))
