"""List the kinds of devices: what each holds, computes and sends, with a source per number."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from ftte_lab._common import Registry, require
from ftte_lab.devices.device_kind import DeviceKind

Number = tuple[float, str]
"""A number and its source."""


def _both_ways(bps: float, source: str) -> dict[str, Number]:
    return {"downlink_bps": (bps, source), "uplink_bps": (bps, source)}


def _speed(mflops: float) -> Number:
    share = f"{mflops / 400:g} of the flagship phone's speed"
    return mflops * 1e6, f"illustrative: {share}, on tiny nets in small batches; not measured"


def _cell(mah: float, volts: float, source: str) -> Number:
    return mah * 3.6 * volts, f"{source}: {mah:,g} mAh, at {volts:g} V"


def _charged(watts: float, hours: float, source: str) -> dict[str, Number]:
    return {"charge_w": (watts, source), "charge_h": (hours, f"illustrative: {hours:g} h a day")}


def _kind(name: str, **numbers: Number) -> DeviceKind:
    """A kind from its numbers, each with its source."""
    values: dict[str, Any] = {key: value for key, (value, _) in numbers.items()}
    sources = {key: source for key, (_, source) in numbers.items()}
    return DeviceKind(name=name, sources=sources, **values)


def _microcontroller(name: str, **numbers: Number) -> DeviceKind:
    return replace(_kind(name, **numbers), operating_system=False)


_BLE = _both_ways(
    0.3e6, "illustrative: typical application data over Bluetooth LE (1 to 2 Mbit/s on air)"
)
_MCU_WIFI = _both_ways(5e6, "illustrative: Wi-Fi 4 on a microcontroller")
_WIFI = _both_ways(20e6, "illustrative: Wi-Fi on a single-board computer")
_LAN = _both_ways(100e6, "illustrative: Ethernet on a shared line")

_SMALL_DROP = (0.1, "illustrative: a little above the phones' 6 to 10 % (Bonawitz et al. 2019)")
_MAINS_DROP = (0.02, "illustrative: mains-powered and still")
_PHONE_DROP = (0.08, "Bonawitz et al. 2019: 6 to 10 % of the phones drop out per round; the middle")

_QUARTER = (0.25, "illustrative: a quarter; Android CDD 3.7 assures an app of far less")
_MAINS: dict[str, Number] = {
    "battery_j": (math.inf, "illustrative: on the mains"),
    **_charged(0.0, 0.0, "illustrative: on the mains"),
}

# STM32F746 class: Cortex-M7 at 216 MHz, no hand-tuned kernels.
_SENSOR = _microcontroller(
    "sensor",
    ram_bytes=(320 * 2**10, "320 KB SRAM of an STM32F746 (MCUNet, Lin et al. 2020)"),
    app_memory_share=(0.8, "Lin et al. 2022 train under 256 KB of the 320 KB of an STM32F746"),
    flops_per_s=_speed(4),
    **_BLE,
    compute_w=(0.4, "illustrative: general knowledge of the class"),
    radio_w=(0.05, "illustrative: a Bluetooth LE radio and a sleeping core"),
    dropout=_SMALL_DROP,
    battery_j=_cell(3000, 3.0, "Energizer's data sheet of the L91, two AA cells in series"),
    **_charged(0.0, 0.0, "illustrative: its cells are replaced, not charged"),
)
# ESP32-S3; its CoreMark (1182 on two cores) is near an STM32F7's.
_ESP32 = _microcontroller(
    "esp32",
    ram_bytes=(512 * 2**10, "512 KB SRAM (ESP32-S3 feature matrix)"),
    app_memory_share=(0.625, "illustrative: all but 192 KB for Wi-Fi and system"),
    flops_per_s=_speed(4),
    **_MCU_WIFI,
    compute_w=(0.25, "illustrative: above the 107 mW measured with no code running"),
    radio_w=(0.5, "illustrative: Wi-Fi sending"),
    dropout=_SMALL_DROP,
    battery_j=_cell(1000, 3.7, "illustrative"),
    **_charged(1.85, 2.0, "illustrative: 500 mA"),
)
# Wear OS class, linked to its phone.
_WATCH = _kind(
    "watch",
    ram_bytes=(416 * 2**20, "Android CDD 2.4: the floor for kernel and user space of a watch"),
    app_memory_share=_QUARTER,
    flops_per_s=_speed(20),
    **_BLE,
    compute_w=(0.35, "illustrative: 0.2 to 0.5 W active, general knowledge"),
    radio_w=(0.1, "illustrative: Bluetooth LE and a core that waits"),
    dropout=_SMALL_DROP,
    battery_j=_cell(247, 3.85, "Samsung Galaxy Watch4, 40 mm"),
    **_charged(0.52, 2.0, "illustrative: full in 110 minutes"),
)
# Raspberry Pi Zero 2 W.
_PI_ZERO = _kind(
    "pi_zero",
    ram_bytes=(512 * 2**20, "512 MB of a Raspberry Pi Zero 2 W"),
    app_memory_share=_QUARTER,
    flops_per_s=_speed(16),
    **_WIFI,
    compute_w=(2.5, "illustrative: 2 to 3 W with four cores busy, general knowledge"),
    radio_w=(1.0, "illustrative: above the 0.6 W measured idle (CNX Software)"),
    dropout=_MAINS_DROP,
    **_MAINS,
)
# Raspberry Pi 4.
_PI4 = _kind(
    "pi4",
    ram_bytes=(2**32, "illustrative: the 4 GB model"),
    app_memory_share=_QUARTER,
    flops_per_s=_speed(60),
    **_WIFI,
    compute_w=(6.5, "illustrative: 6 to 7 W loaded, general knowledge"),
    radio_w=(3.5, "illustrative: about 3 W idle plus the radio, general knowledge"),
    dropout=_MAINS_DROP,
    **_MAINS,
)
# Jetson Nano; its peak of 472 GFLOPS in FP16 is out of reach of tiny nets.
_JETSON = _kind(
    "jetson",
    ram_bytes=(2**32, "4 GB of an NVIDIA Jetson Nano"),
    app_memory_share=_QUARTER,
    flops_per_s=_speed(800),
    **_LAN,
    compute_w=(10.0, "the 10 W mode of an NVIDIA Jetson Nano"),
    radio_w=(5.0, "illustrative: the 5 W mode while it waits for the link"),
    dropout=_MAINS_DROP,
    **_MAINS,
)
# Android Go class, 4G.
_PHONE_LOW = _kind(
    "phone_low",
    ram_bytes=(2**31, "illustrative: 2 GB"),
    app_memory_share=_QUARTER,
    flops_per_s=_speed(60),
    downlink_bps=(13e6, "4G median down, Huang et al. 2012"),
    uplink_bps=(6e6, "4G median up, Huang et al. 2012"),
    compute_w=(3.0, "illustrative: 2 to 4 W loaded, general knowledge"),
    radio_w=(1.5, "illustrative: idle power plus the radio"),
    dropout=_PHONE_DROP,
    battery_j=_cell(2150, 3.7, "Nokia 1"),
    **_charged(5.0, 8.0, "illustrative: 1 A at 5 V"),
)
# Flagship, 5G.
_PHONE = _kind(
    "phone",
    ram_bytes=(2**33, "illustrative: 8 GB"),
    app_memory_share=_QUARTER,
    flops_per_s=(
        400e6,
        "illustrative: about half a second of training per participation with a tiny net",
    ),
    downlink_bps=(166.1e6, "5G global median down, Ookla Q3 2021"),
    uplink_bps=(21.1e6, "5G global median up, Ookla Q3 2021"),
    compute_w=(6.0, "illustrative: 4 to 8 W loaded, general knowledge"),
    radio_w=(2.0, "illustrative: idle power plus the radio"),
    dropout=_PHONE_DROP,
    battery_j=_cell(4614, 3.85, "Google Pixel 6"),
    **_charged(17.8, 8.0, "Google on the Pixel 6: half of its battery in half an hour"),
)
# A watch on a microcontroller (nRF52840), whose system leaves an app half of the RAM.
_FITNESS_WATCH = _kind(
    "fitness_watch",
    ram_bytes=(256 * 2**10, "Espruino on the Bangle.js 2: 256 KB"),
    app_memory_share=(
        0.5,
        "an app gets 128 KB on a Garmin fenix 5 (Connect IQ) and on a Pebble Time 2 (its SDK)",
    ),
    flops_per_s=_speed(1),
    **_BLE,
    compute_w=(0.03, "illustrative: a Cortex-M4 at 64 MHz and an always-on display"),
    radio_w=(0.03, "illustrative: a Bluetooth LE radio and a sleeping core"),
    dropout=_SMALL_DROP,
    battery_j=_cell(200, 3.7, "Espruino on the Bangle.js 2"),
    **_charged(0.37, 0.5, "illustrative: 100 mA"),
)
_SHIPPED = (_SENSOR, _ESP32, _WATCH, _PI_ZERO, _PI4, _JETSON, _PHONE_LOW, _PHONE, _FITNESS_WATCH)


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
