"""List the kinds of devices: what each holds, computes and sends, with a source per number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ftte_lab._common import Registry, integer, number, require


@dataclass(frozen=True)
class DeviceKind:
    """Describe one kind of device and where each of its numbers comes from.

    The weakest memory decides what can be trained; speed and link decide how old an update is on
    arrival.

    Attributes:
        name: short key, such as `"sensor"`.
        memory_bytes: RAM which a training step may use at most (bytes). Microcontrollers: SRAM
            without stack, radio and system; devices with an operating system: a quarter of the RAM
            (our convention).
        flops_per_s: sustained training speed on tiny nets in small batches (FLOP/s, a multiply-add
            counts 2).
            The field to edit: t ms per sample of a fully trained model mean `3e3 * forward_flops /
                t`.
        downlink_bps, uplink_bps: application speed towards and from the device (bit/s).
        compute_w, radio_w: power of the complete device while it trains, and while it sends or
            receives (W).
        dropout: probability that a participation never arrives.
        sources: for each number above, its source, or a text that starts with "illustrative".

    Raises:
        ValueError: a number out of range, or a number without a source.
    """

    name: str
    memory_bytes: int
    flops_per_s: float
    downlink_bps: float
    uplink_bps: float
    compute_w: float
    radio_w: float
    dropout: float
    sources: Mapping[str, str] = field(repr=False, hash=False)

    def __post_init__(self) -> None:
        integer(f"{self.name}: memory_bytes", self.memory_bytes, 1)
        for key in NUMBERS[1:]:
            most = 1 if key == "dropout" else math.inf
            number(f"{self.name}: {key}", getattr(self, key), 0, most)
        for key in ("flops_per_s", "downlink_bps", "uplink_bps"):
            problem = f"{self.name}: {key} = 0"
            require(getattr(self, key) > 0, problem, "above 0", "Leave the kind out")
        bare = [key for key in NUMBERS if not str(self.sources.get(key, "")).strip()]
        problem = f"{self.name}: no source for {', '.join(bare)}"
        require(not bare, problem, "a source, or 'illustrative', for each number")
        object.__setattr__(self, "sources", dict(self.sources))

    def ms_per_sample(self, forward_flops: float) -> float:
        """Return the milliseconds to train a complete model on one sample: 3 x forward (FedScale).

        Example:
            >>> from ftte_lab.devices import CATALOGUE
            >>> CATALOGUE["sensor"].ms_per_sample(4e6)
            3000.0

        Raises:
            ValueError: if `forward_flops` (FLOP per sample) is negative.
        """
        number("forward_flops", forward_flops, 0)
        return 3e3 * forward_flops / self.flops_per_s


NUMBERS: tuple[str, ...] = tuple(
    f.name for f in fields(DeviceKind) if f.name not in ("name", "sources")
)
"""The numeric fields of a `DeviceKind`; each needs an entry in its `sources`."""


Number = tuple[float, str]
"""A number and its source."""


def _both_ways(bps: float, source: str) -> dict[str, Number]:
    return {"downlink_bps": (bps, source), "uplink_bps": (bps, source)}


def _speed(mflops: float) -> Number:
    share = f"{mflops / 400:g} of the flagship phone's speed"
    return mflops * 1e6, f"illustrative: {share}, on tiny nets in small batches; not measured"


def _kind(name: str, memory_bytes: tuple[int, str], **numbers: Number) -> DeviceKind:
    """A kind from its numbers, each with its source."""
    values = {key: value for key, (value, _) in numbers.items()}
    sources = {key: source for key, (_, source) in numbers.items()}
    memory, source = memory_bytes
    sources = {"memory_bytes": source, **sources}
    return DeviceKind(name=name, memory_bytes=memory, sources=sources, **values)


_BLE = _both_ways(
    0.3e6, "illustrative: typical application data over Bluetooth LE (1 to 2 Mbit/s on air)"
)
_MCU_WIFI = _both_ways(5e6, "illustrative: Wi-Fi 4 on a microcontroller")
_WIFI = _both_ways(20e6, "illustrative: Wi-Fi on a single-board computer")
_LAN = _both_ways(100e6, "illustrative: Ethernet on a shared line")

_SMALL_DROP = (0.1, "illustrative: a little above the phones' 6 to 10 % (Bonawitz et al. 2019)")
_MAINS_DROP = (0.02, "illustrative: mains-powered and still")
_PHONE_DROP = (0.08, "Bonawitz et al. 2019: 6 to 10 % of the phones drop out per round; the middle")

# STM32F746 class: Cortex-M7 at 216 MHz, no hand-tuned kernels.
_SENSOR = _kind(
    "sensor",
    memory_bytes=(
        256 * 2**10,
        "Lin et al. 2022 train under 256 KB of the 320 KB SRAM of an STM32F746 (MCUNet, 2020)",
    ),
    flops_per_s=_speed(4),
    **_BLE,
    compute_w=(0.4, "illustrative: general knowledge of the class"),
    radio_w=(0.05, "illustrative: a Bluetooth LE radio and a sleeping core"),
    dropout=_SMALL_DROP,
)
# ESP32-S3; its CoreMark (1182 on two cores) is near an STM32F7's.
_ESP32 = _kind(
    "esp32",
    memory_bytes=(
        320 * 2**10,
        "512 KB SRAM (ESP32-S3 feature matrix), less an illustrative 192 KB for Wi-Fi, system",
    ),
    flops_per_s=_speed(4),
    **_MCU_WIFI,
    compute_w=(0.25, "illustrative: above the 107 mW measured with no code running"),
    radio_w=(0.5, "illustrative: Wi-Fi sending"),
    dropout=_SMALL_DROP,
)
# Wear OS class, linked to its phone.
_WATCH = _kind(
    "watch",
    memory_bytes=(
        104 * 2**20,
        "an illustrative quarter of 416 MB, the Android CDD 2.4 floor for kernel + user space",
    ),
    flops_per_s=_speed(20),
    **_BLE,
    compute_w=(0.35, "illustrative: 0.2 to 0.5 W active, general knowledge"),
    radio_w=(0.1, "illustrative: Bluetooth LE and a core that waits"),
    dropout=_SMALL_DROP,
)
# Raspberry Pi Zero 2 W.
_PI_ZERO = _kind(
    "pi_zero",
    memory_bytes=(
        128 * 2**20,
        "an illustrative quarter of the 512 MB of a Raspberry Pi Zero 2 W",
    ),
    flops_per_s=_speed(16),
    **_WIFI,
    compute_w=(2.5, "illustrative: 2 to 3 W with four cores busy, general knowledge"),
    radio_w=(1.0, "illustrative: above the 0.6 W measured idle (CNX Software)"),
    dropout=_MAINS_DROP,
)
# Raspberry Pi 4.
_PI4 = _kind(
    "pi4",
    memory_bytes=(2**30, "illustrative: a quarter of the 4 GB model"),
    flops_per_s=_speed(60),
    **_WIFI,
    compute_w=(6.5, "illustrative: 6 to 7 W loaded, general knowledge"),
    radio_w=(3.5, "illustrative: about 3 W idle plus the radio, general knowledge"),
    dropout=_MAINS_DROP,
)
# Jetson Nano; its peak of 472 GFLOPS in FP16 is out of reach of tiny nets.
_JETSON = _kind(
    "jetson",
    memory_bytes=(2**30, "an illustrative quarter of the 4 GB of an NVIDIA Jetson Nano"),
    flops_per_s=_speed(800),
    **_LAN,
    compute_w=(10.0, "the 10 W mode of an NVIDIA Jetson Nano"),
    radio_w=(5.0, "illustrative: the 5 W mode while it waits for the link"),
    dropout=_MAINS_DROP,
)
# Android Go class, 4G.
_PHONE_LOW = _kind(
    "phone_low",
    memory_bytes=(2**29, "illustrative: a quarter of 2 GB"),
    flops_per_s=_speed(60),
    downlink_bps=(13e6, "4G median down, Huang et al. 2012"),
    uplink_bps=(6e6, "4G median up, Huang et al. 2012"),
    compute_w=(3.0, "illustrative: 2 to 4 W loaded, general knowledge"),
    radio_w=(1.5, "illustrative: idle power plus the radio"),
    dropout=_PHONE_DROP,
)
# Flagship, 5G.
_PHONE = _kind(
    "phone",
    memory_bytes=(2**31, "illustrative: a quarter of 8 GB"),
    flops_per_s=(
        400e6,
        "illustrative: about half a second of training per participation with a tiny net",
    ),
    downlink_bps=(166.1e6, "5G global median down, Ookla Q3 2021"),
    uplink_bps=(21.1e6, "5G global median up, Ookla Q3 2021"),
    compute_w=(6.0, "illustrative: 4 to 8 W loaded, general knowledge"),
    radio_w=(2.0, "illustrative: idle power plus the radio"),
    dropout=_PHONE_DROP,
)
_SHIPPED = (_SENSOR, _ESP32, _WATCH, _PI_ZERO, _PI4, _JETSON, _PHONE_LOW, _PHONE)


def _check(name: str, entry: Any) -> None:
    problem = f"the device kind {name!r} is {type(entry).__name__}"
    require(isinstance(entry, DeviceKind), problem, "a DeviceKind")
    fix = f"Use dataclasses.replace(kind, name={name!r})"
    problem = f"the device kind {name!r} is named {entry.name!r}"
    require(entry.name == name, problem, "the same name as its key", fix)


CATALOGUE: Registry[DeviceKind] = Registry(
    "device kind", {kind.name: kind for kind in _SHIPPED}, _check
)
"""All device kinds by name. Add one of your own:

    CATALOGUE["mine"] = dataclasses.replace(CATALOGUE["pi4"], name="mine", flops_per_s=30e6)
"""
