"""Describe a kind of device by numbers, each with its source."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from ftte_lab._common import integer, number, require

_HOURS = 24
_MOST_BYTES = 2**60
# No device is near them; beyond them, times and energies would leave the range of floats.
_LEAST, _MOST = 1e-12, 1e24


@dataclass(frozen=True)
class DeviceKind:
    """Describe one kind of device and where each of its numbers comes from.

    The weakest memory decides what can be trained; speed and link decide how old an update is on
    arrival; the battery decides how often a device can take part.

    Attributes:
        name: short key, such as `"sensor"`.
        ram_bytes: RAM of the device (bytes).
        app_memory_share: share of the RAM which a training step may use at most. Microcontrollers:
            what stack, radio and system leave. Devices with an operating system: a quarter where we
            know no better (our convention).
        flops_per_s: sustained training speed on tiny nets in small batches (FLOP/s, a multiply-add
            counts 2). The field to edit: t ms per sample of a fully trained model mean
            `3e3 * forward_flops / t`.
        downlink_bps, uplink_bps: application speed towards and from the device (bit/s).
        compute_w, radio_w: power of the complete device while it trains, and while it sends or
            receives (W).
        dropout: probability that a participation never arrives.
        battery_j: usable energy of a full battery (J); `inf`: on the mains.
        charge_w: mean power into the battery at the charger (W); 0: it is never charged.
        charge_h: hours a day at the charger.
        sources: for each number above, its source, or a text that starts with "illustrative".
        operating_system: whether an operating system shares the RAM between apps. Only then another
            share may take the place of `app_memory_share`.

    Raises:
        ValueError: a number out of range, or a number without a source.
    """

    name: str
    ram_bytes: int
    app_memory_share: float
    flops_per_s: float
    downlink_bps: float
    uplink_bps: float
    compute_w: float
    radio_w: float
    dropout: float
    battery_j: float
    charge_w: float
    charge_h: float
    sources: Mapping[str, str] = field(repr=False, hash=False)
    operating_system: bool = True

    def __post_init__(self) -> None:
        ram_bytes = integer(f"{self.name}: ram_bytes", self.ram_bytes, 1, _MOST_BYTES)
        object.__setattr__(self, "ram_bytes", ram_bytes)
        most = {"app_memory_share": 1.0, "dropout": 1.0, "charge_h": float(_HOURS)}
        for key in NUMBERS[1:]:
            if key == "battery_j" and self.battery_j == math.inf:
                continue
            value = number(f"{self.name}: {key}", getattr(self, key), 0, most.get(key, _MOST))
            object.__setattr__(self, key, value)
        for key in ("app_memory_share", "flops_per_s", "downlink_bps", "uplink_bps", "battery_j"):
            value = getattr(self, key)
            problem = f"{self.name}: {key} = {value:g}"
            require(value >= _LEAST, problem, f"at least {_LEAST:g}", "Leave the kind out")
        bare = [key for key in NUMBERS if not str(self.sources.get(key, "")).strip()]
        problem = f"{self.name}: no source for {', '.join(bare)}"
        require(not bare, problem, "a source, or 'illustrative', for each number")
        object.__setattr__(self, "sources", dict(self.sources))

    @property
    def memory_bytes(self) -> int:
        """Return the RAM which a training step may use at most: RAM times share (bytes).

        Example:
            >>> from ftte_lab.devices import CATALOGUE
            >>> CATALOGUE["watch"].memory_bytes == CATALOGUE["watch"].ram_bytes // 4
            True
        """
        return self.training_bytes()

    def training_bytes(self, app_memory_share: float | None = None) -> int:
        """Return what a training step may use if apps get another share of the RAM (bytes).

        A microcontroller keeps its own share: it has no operating system that gives more or less.

        Args:
            app_memory_share: above 0, up to 1; `None`: the kind's own.

        Raises:
            ValueError: a share out of range.

        Example:
            >>> from ftte_lab.devices import CATALOGUE
            >>> [CATALOGUE[kind].training_bytes(0.5) // 1024 for kind in ("sensor", "watch")]
            [256, 212992]
        """
        share = self.app_memory_share
        if app_memory_share is not None:
            app_memory_share = number("app_memory_share", app_memory_share, 0, 1)
            fix = "None takes each kind's own share"
            require(app_memory_share > 0, "app_memory_share = 0", "above 0 to 1", fix)
            share = app_memory_share if self.operating_system else share
        return max(1, round(self.ram_bytes * share))

    def ms_per_sample(self, forward_flops: float) -> float:
        """Return the milliseconds to train a complete model on one sample: 3 x forward (FedScale).

        Example:
            >>> from ftte_lab.devices import CATALOGUE
            >>> CATALOGUE["sensor"].ms_per_sample(4e6)
            3000.0

        Raises:
            ValueError: if `forward_flops` (FLOP per sample) is negative.
        """
        forward_flops = number("forward_flops", forward_flops, 0, _MOST)
        return 3e3 * forward_flops / self.flops_per_s


NUMBERS: tuple[str, ...] = tuple(
    f.name for f in fields(DeviceKind) if f.name not in ("name", "sources", "operating_system")
)
"""The numeric fields of a `DeviceKind`; each needs an entry in its `sources`."""
