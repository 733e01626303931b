"""The catalogue of device kinds: what each holds, computes and sends, with a source for each number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

from ftte_lab._common import integer, number, require


@dataclass(frozen=True)
class DeviceKind:
    """One kind of device and where each of its numbers comes from.

    The weakest memory decides what can be trained; speed and link decide how old an update is on arrival.

    Attributes:
        name: short key, such as `"sensor"`.
        memory_bytes: RAM which a training step may use at most (bytes). Microcontrollers: SRAM without stack,
            radio and system; devices with an operating system: a quarter of the RAM (our convention).
        flops_per_s: sustained training speed on tiny nets in small batches (FLOP/s, a multiply-add counts 2).
            The field to edit: t ms per sample of a fully trained model mean `3e3 * forward_flops / t`.
        downlink_bps, uplink_bps: application speed towards and from the device (bit/s).
        compute_w, radio_w: power of the whole device while it trains, and while it sends or receives (W).
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
            number(
                f"{self.name}: {key}", getattr(self, key), 0, 1 if key == "dropout" else math.inf
            )
        for key in ("flops_per_s", "downlink_bps", "uplink_bps"):
            require(
                getattr(self, key) > 0, f"{self.name}: {key} = 0", "above 0", "Leave the kind out"
            )
        bare = [key for key in NUMBERS if not str(self.sources.get(key, "")).strip()]
        said = "a source, or 'illustrative', for each number"
        require(not bare, f"{self.name}: no source for {', '.join(bare)}", said)
        object.__setattr__(self, "sources", dict(self.sources))

    def ms_per_sample(self, forward_flops: float) -> float:
        """Milliseconds to train a whole model on one sample, as one measures it: 3 x forward (FedScale).

        Raises:
            ValueError: if `forward_flops` (FLOP per sample) is negative.
        """
        number("forward_flops", forward_flops, 0)
        return 3e3 * forward_flops / self.flops_per_s


NUMBERS: tuple[str, ...] = tuple(
    f.name for f in fields(DeviceKind) if f.name not in ("name", "sources")
)
"""The numeric fields of a `DeviceKind`; each needs an entry in its `sources`."""


_BLE = (
    (0.3e6, "illustrative: typical application data over Bluetooth LE (1 to 2 Mbit/s on air)"),
) * 2


_MCU_WIFI = ((5e6, "illustrative: Wi-Fi 4 on a microcontroller"),) * 2


_WIFI = ((20e6, "illustrative: Wi-Fi on a single-board computer"),) * 2


_LAN = ((100e6, "illustrative: Ethernet on a shared line"),) * 2


_SMALL_DROP = (0.1, "illustrative: a little above the phones' 6 to 10 % (Bonawitz et al. 2019)")


_MAINS_DROP = (0.02, "illustrative: mains-powered and still")


_PHONE_DROP = (0.08, "Bonawitz et al. 2019: 6 to 10 % of the phones drop out per round; the middle")


def _speed(mflops: float) -> tuple[float, str]:
    share = f"{mflops / 400:g} of the flagship phone's speed"
    return mflops * 1e6, f"illustrative: {share}, on tiny nets in small batches; not measured"


# fmt: off
_ROWS: dict[str, tuple[tuple[float, str], ...]] = {  # in the order of NUMBERS; one thought per line
    "sensor": (  # STM32F746-class: Cortex-M7 at 216 MHz, no hand-tuned kernels
        (256 * 2**10, "Lin et al. 2022 train under 256 KB of the 320 KB SRAM of an STM32F746 (MCUNet, 2020)"),
        _speed(4), *_BLE, (0.4, "illustrative: general knowledge of the class"),
        (0.05, "illustrative: a Bluetooth LE radio and a sleeping core"), _SMALL_DROP),
    "esp32": (  # ESP32-S3; its CoreMark (1182 on two cores) is near an STM32F7's
        (320 * 2**10, "512 KB SRAM (ESP32-S3 feature matrix), less an illustrative 192 KB for Wi-Fi, system"),
        _speed(4), *_MCU_WIFI, (0.25, "illustrative: above the 107 mW measured with no code running"),
        (0.5, "illustrative: Wi-Fi sending"), _SMALL_DROP),
    "watch": (  # Wear OS class, linked to its phone
        (104 * 2**20, "an illustrative quarter of 416 MB, the Android CDD 2.4 floor for kernel + user space"),
        _speed(20), *_BLE, (0.35, "illustrative: 0.2 to 0.5 W active, general knowledge"),
        (0.1, "illustrative: Bluetooth LE and a core that waits"), _SMALL_DROP),
    "pi_zero": (  # Raspberry Pi Zero 2 W
        (128 * 2**20, "an illustrative quarter of the 512 MB of a Raspberry Pi Zero 2 W"), _speed(16), *_WIFI,
        (2.5, "illustrative: 2 to 3 W with four cores busy, general knowledge"),
        (1.0, "illustrative: above the 0.6 W measured idle (CNX Software)"), _MAINS_DROP),
    "pi4": (  # Raspberry Pi 4
        (2**30, "illustrative: a quarter of the 4 GB model"), _speed(60), *_WIFI,
        (6.5, "illustrative: 6 to 7 W loaded, general knowledge"),
        (3.5, "illustrative: about 3 W idle plus the radio, general knowledge"), _MAINS_DROP),
    "jetson": (  # Jetson Nano; its peak of 472 GFLOPS in FP16 is out of reach of tiny nets
        (2**30, "an illustrative quarter of the 4 GB of an NVIDIA Jetson Nano"), _speed(800), *_LAN,
        (10.0, "the 10 W mode of an NVIDIA Jetson Nano"),
        (5.0, "illustrative: the 5 W mode while it waits for the link"), _MAINS_DROP),
    "phone_low": (  # Android Go class, 4G
        (2**29, "illustrative: a quarter of 2 GB"), _speed(60),
        (13e6, "4G median down, Huang et al. 2012"), (6e6, "4G median up, Huang et al. 2012"),
        (3.0, "illustrative: 2 to 4 W loaded, general knowledge"),
        (1.5, "illustrative: idle power plus the radio"), _PHONE_DROP),
    "phone": (  # flagship, 5G
        (2**31, "illustrative: a quarter of 8 GB"),
        (400e6, "illustrative: about half a second of training per participation with a tiny net"),
        (166.1e6, "5G global median down, Ookla Q3 2021"), (21.1e6, "5G global median up, Ookla Q3 2021"),
        (6.0, "illustrative: 4 to 8 W loaded, general knowledge"),
        (2.0, "illustrative: idle power plus the radio"), _PHONE_DROP),
}
# fmt: on


def _kind(name: str) -> DeviceKind:
    (memory, _), *others = _ROWS[name]
    flops, down, up, compute_w, radio_w, dropout = (number for number, _ in others)
    sources = {key: source for key, (_, source) in zip(NUMBERS, _ROWS[name], strict=True)}
    return DeviceKind(name, int(memory), flops, down, up, compute_w, radio_w, dropout, sources)


CATALOGUE: Mapping[str, DeviceKind] = MappingProxyType({name: _kind(name) for name in _ROWS})
"""What we ship. Add yours: `{**CATALOGUE, "mine": dataclasses.replace(CATALOGUE["pi4"], name="mine")}`."""
