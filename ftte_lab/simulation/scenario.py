"""One frozen description of a run: who takes part, with what data and model, under which server.

Everything a run depends on is a field, so a scenario is also its address: saved, shared or hashed, it gives the same
numbers again. The four methods are settings of the same fields (`METHODS`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal

from ftte_lab._common import choice, require
from ftte_lab.simulation import validation as _scenario_rules
from ftte_lab.simulation.methods import METHODS


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A run. Units are in the names; a reason stands behind each default.

    Raises:
        ValueError: at construction, for any field out of range: what was wrong, what is allowed, how to mend it.
    """

    # The data and who holds it
    data: str = "motion"  # generated, offline, every person has an own style: naturally non-IID
    clients: int = 100  # a classroom's picture of "many"; the authors go to 500
    alpha: float | None = (
        None  # None: by person where the data has persons, else IID; a number: Dirichlet label skew
    )
    slow_class: int | None = (
        None  # a class that the slowest devices hold; None: speed says nothing about data
    )
    samples_per_client: int = 40  # a few minutes of wear: local data are scarce
    # The devices
    mix: Mapping[str, float] = field(
        default_factory=lambda: {"sensor": 0.5, "watch": 0.3, "phone": 0.2}
    )
    straggler_share: float = 0.9  # the authors' hardest setting
    straggler_factor: float = 10.0  # slow by an order of magnitude
    jitter: float = 0.25  # log-normal: no two participations of a device last the same
    dropout: float | None = None  # None: each kind's own, about one in twelve
    # The model and local training
    model: str = "mcunet-s"  # deep and narrow: the choice of tensors matters
    batch: int = 8  # per local step: stored activations are most of the memory bill
    local_steps: int = 4  # nearly one pass over a client's data
    client_rate: float = 0.1  # plain SGD
    client_momentum: float = 0.0  # a velocity would cost memory on the device
    warm_start_steps: int = (
        1000  # on the public share, as a vendor would: frozen tensors stay as they are shipped
    )
    # The subset
    subset: str = "search"  # or "full"
    subset_per: Literal["fleet", "kind"] = (
        "fleet"  # one that the weakest can hold, or what each kind of device can
    )
    budget_kib: float | None = None  # None: the memory of the weakest device in the fleet
    accounting: str = "pytorch"  # fp32, the one a measurement proves
    contribution: str = "fisher"  # what a tensor is worth
    channels_by: str = (
        "gain"  # which channels of it come first: those with the largest contribution
    )
    solver: str = "exact"  # proven optimum
    payload_share: float | None = (
        None  # most parameters to train, as a share of all; None: memory alone decides
    )
    exclude_small: bool = (
        False  # leave out devices that cannot hold the training step; False idealises, as papers do
    )
    # The server
    method: str = "ftte"  # the name of the settings below
    concurrency: int = 30  # clients that train at once
    buffer: int | None = 10  # updates per server step; None: as many as the concurrency
    refill: Literal["arrival", "step"] = (
        "arrival"  # slots refilled on arrival, or at the server step
    )
    over_select: float = 0.0  # synchronous only: start this share more, call off the late ones
    max_staleness: int | None = None  # older updates are discarded
    staleness: str = "poly"
    age_exponent: float = 0.5
    hinge_at: float = 6.0
    variance: str = "entries"  # the one a client can compute itself
    variance_exponent: float = 1.0
    sample_exponent: float = 0.0
    normalise: str = "sum"
    server_rate: float = 1.0  # tune it per method before you compare
    server_momentum: float = 0.0  # share of the last step that the server goes again
    server_average: float = (
        0.0  # past's share in a running average of the server's models, which is shipped; 0: none
    )
    # The run
    horizon_s: float = (
        2_000.0  # virtual seconds: FTTE has climbed most of its way, in three real ones
    )
    max_updates: int | None = (
        None  # end after so many client updates, if that comes before the horizon
    )
    evaluations: int = 60  # points of a curve, at most: more than the eye follows
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "mix", MappingProxyType(dict(self.mix)))
        _scenario_rules.check(self)

    def replace(self, **changes: Any) -> Scenario:
        """A copy with some fields changed.

        Raises:
            ValueError: an unknown field or a value out of range.
        """
        _known(changes)
        return dataclasses.replace(self, **changes)

    def as_method(self, name: str) -> Scenario:
        """The same fleet, data and model under another method: its fields from `METHODS`, the rest untouched.

        Raises:
            ValueError: an unknown method.
        """
        choice("method", name, METHODS)
        return self.replace(method=name, **METHODS[name])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values of all fields."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return values | {"mix": dict(self.mix)}

    def to_json(self) -> str:
        """One line of JSON with every field."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scenario:
        """Inverse of `to_dict`; missing fields take their defaults.

        Raises:
            ValueError: an unknown field or a value out of range.
        """
        _known(values)
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> Scenario:
        """Inverse of `to_json`.

        Raises:
            ValueError: text that is no JSON object, an unknown field, or a value out of range.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"the scenario is no JSON ({error}); allowed: the text that Scenario.to_json writes."
            ) from error
        require(
            isinstance(values, dict), f"the scenario is a {type(values).__name__}", "a JSON object"
        )
        return cls.from_dict(values)

    def digest(self) -> str:
        """A short name for exactly this run: equal scenarios, equal digests."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()[:16]

    def __hash__(self) -> int:
        return hash(self.digest())


def _known(values: Mapping[str, Any]) -> None:
    names = [f.name for f in fields(Scenario)]
    for key in values:
        choice("scenario field", key, names)
