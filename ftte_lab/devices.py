"""The devices: what each kind can hold, how fast it computes and talks, and what that costs in joules.

Beside every number of `CATALOGUE` stands its source, or the word "illustrative" where we have read none: such
numbers are sliders, not facts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ftte_lab._require import in_range, one_of, require, whole

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_FLEET_TAG = 0xF1EE7  # keeps a fleet's random stream apart from every other use of the same seed


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
        whole(f"{self.name}: memory_bytes", self.memory_bytes, 1)
        for key in NUMBERS[1:]:
            in_range(f"{self.name}: {key}", getattr(self, key), 0, 1 if key == "dropout" else math.inf)
        for key in ("flops_per_s", "downlink_bps", "uplink_bps"):
            require(getattr(self, key) > 0, f"{self.name}: {key} = 0", "above 0", "Leave the kind out")
        bare = [key for key in NUMBERS if not str(self.sources.get(key, "")).strip()]
        said = "a source, or 'illustrative', for each number"
        require(not bare, f"{self.name}: no source for {', '.join(bare)}", said)
        object.__setattr__(self, "sources", dict(self.sources))

    def ms_per_sample(self, forward_flops: float) -> float:
        """Milliseconds to train a whole model on one sample, as one measures it: 3 x forward (FedScale).

        Raises:
            ValueError: if `forward_flops` (FLOP per sample) is negative.
        """
        in_range("forward_flops", forward_flops, 0)
        return 3e3 * forward_flops / self.flops_per_s


NUMBERS: tuple[str, ...] = tuple(f.name for f in fields(DeviceKind) if f.name not in ("name", "sources"))
"""The numeric fields of a `DeviceKind`; each needs an entry in its `sources`."""

_BLE = ((0.3e6, "illustrative: typical application data over Bluetooth LE (1 to 2 Mbit/s on air)"),) * 2
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


@dataclass(frozen=True, eq=False)
class Fleet:
    """What each client is: read-only arrays of shape (clients,), so that 100,000 devices are as easy as ten."""

    kind: tuple[str, ...]  # the name of each client's kind
    memory_bytes: NDArray[np.int64]  # what a training step may use
    flops_per_s: Floats  # this and the two below: of the kind, before `slow_factor`
    downlink_bps: Floats
    uplink_bps: Floats
    compute_w: Floats
    radio_w: Floats
    dropout: Floats  # probability that a participation never arrives
    slow_factor: Floats  # 1, or how many times longer this client computes and communicates
    straggler: Bools

    def __post_init__(self) -> None:
        for f in fields(self)[1:]:
            shape = getattr(self, f.name).shape
            require(shape == (len(self),), f"{f.name} has shape {shape}", f"({len(self)},), one per client")
            getattr(self, f.name).setflags(write=False)

    def __len__(self) -> int:
        return len(self.kind)

    def weakest(self) -> tuple[int, str, int]:
        """Client with the least memory (the first of equals): index, kind, bytes. Sets the budget M_min."""
        index = int(np.argmin(self.memory_bytes))
        return index, self.kind[index], int(self.memory_bytes[index])

    def holds(self, peak_bytes: float | Floats) -> Bools:
        """Which clients can hold a training step of `peak_bytes` (one number, or one each), shape (clients,).

        Raises:
            ValueError: if `peak_bytes` is negative, or neither one number nor one per client.
        """
        return np.asarray(self.memory_bytes >= _per_client("peak_bytes", peak_bytes, len(self)))


@dataclass(frozen=True, eq=False)
class Times:
    """Seconds of one participation of each client, without jitter; arrays of shape (clients,)."""

    download_s: Floats
    compute_s: Floats
    upload_s: Floats

    @property
    def total_s(self) -> Floats:
        """Seconds from the start of the download to the arrival at the server."""
        return self.download_s + self.compute_s + self.upload_s


def _counts(mix: Mapping[str, float], clients: int, catalogue: Mapping[str, DeviceKind]) -> list[int]:
    """Clients per kind by largest remainder; equal remainders go to the kind named first."""
    require(len(mix) > 0, "mix is empty", "at least one kind with its share", "For example {'sensor': 1.0}")
    for name, share in mix.items():
        one_of("mix: kind", name, catalogue)
        in_range(f"mix[{name!r}]", share, 0, 1)
    total = math.fsum(mix.values())
    require(abs(total - 1) < 1e-6, f"mix sums to {total:g}", "a sum of 1", "Divide each share by the sum")
    exact = [share / total * clients for share in mix.values()]
    counts = [math.floor(share) for share in exact]
    for i in sorted(range(len(mix)), key=lambda i: counts[i] - exact[i])[: clients - sum(counts)]:
        counts[i] += 1
    return counts


def sample_fleet(
    mix: Mapping[str, float],
    clients: int,
    *,
    straggler_share: float = 0.0,
    straggler_factor: float = 10.0,
    dropout: float | None = None,
    catalogue: Mapping[str, DeviceKind] = CATALOGUE,
    seed: int,
) -> Fleet:
    """Draw a fleet whose kinds follow the mix exactly, in an order shuffled by the seed.

    Shares are exact (largest remainder), so that a slider moved by a point moves one client in a hundred.
    Stragglers (our reconstruction, the paper's delay model is not known): `round(straggler_share * clients)`
    clients of any kind, drawn at random, compute **and** communicate `straggler_factor` (>= 1) times slower,
    always. `dropout` None means each kind's own.

    Raises:
        ValueError: an unknown kind, shares that do not sum to 1, or a number out of range.
    """
    whole("clients", clients, 1)
    in_range("straggler_share", straggler_share, 0, 1)
    in_range("straggler_factor", straggler_factor, 1, fix="1 means that nobody is slow")
    whole("seed", seed, 0)
    in_range("dropout", 0 if dropout is None else dropout, 0, 1)
    counts = _counts(mix, clients, catalogue)
    rng = np.random.default_rng(np.random.SeedSequence([seed, _FLEET_TAG]))
    names = list(mix)
    which = rng.permutation(np.repeat(np.arange(len(names)), counts))
    straggler = rng.permutation(clients) < round(straggler_share * clients)
    column = {key: np.array([float(getattr(catalogue[name], key)) for name in names])[which] for key in NUMBERS}
    memory = column.pop("memory_bytes").astype(np.int64)
    if dropout is not None:
        column["dropout"] = np.full(clients, float(dropout))
    slow = np.where(straggler, float(straggler_factor), 1.0)
    kind = tuple(names[i] for i in which)
    return Fleet(kind=kind, memory_bytes=memory, slow_factor=slow, straggler=straggler, **column)


def _per_client(name: str, value: float | Floats, clients: int) -> Floats:
    array = np.asarray(value, np.float64)
    fits = array.shape in ((), (clients,)) and bool(np.isfinite(array).all() and (array >= 0).all())
    require(fits, f"{name} = {value!r}", f"one finite number from 0 upwards, or {clients}, one per client")
    return np.broadcast_to(array, (clients,))


def participation_times(
    fleet: Fleet, *, download_bytes: float | Floats, upload_bytes: float | Floats, flops: float | Floats
) -> Times:
    """Seconds which each client spends on download, training and upload, from what **this** subset needs.

    A smaller subset shortens all three: "sends less" becomes "arrives sooner". Bytes x 8 over bit/s and FLOP
    over FLOP/s, times `slow_factor`; no latency, no contention (our reconstruction, after FedScale). Each
    argument is one number or has shape (clients,); `flops` counts all local steps.

    Raises:
        ValueError: a negative or non-finite number, or an array of another length.
    """
    n, slow = len(fleet), fleet.slow_factor
    return Times(
        download_s=slow * 8 * _per_client("download_bytes", download_bytes, n) / fleet.downlink_bps,
        compute_s=slow * _per_client("flops", flops, n) / fleet.flops_per_s,
        upload_s=slow * 8 * _per_client("upload_bytes", upload_bytes, n) / fleet.uplink_bps,
    )


def energy_j(fleet: Fleet, times: Times) -> Floats:
    """Joules of one participation of each client, shape (clients,): power x time (our reconstruction).

    Batteries decide who takes part. A straggler is counted at full power for all its longer time.
    """
    return fleet.compute_w * times.compute_s + fleet.radio_w * (times.download_s + times.upload_s)


def slowest(share: float, times: Times) -> NDArray[np.int64]:
    """Indices of the slowest share of the clients by total time: slowest first, of equals the lower index.

    Their accuracy is reported apart (arXiv 2403.09086). It is `round(share * clients)` of them, at least one.

    Raises:
        ValueError: if `share` is not above 0 and at most 1.
    """
    in_range("share", share, 0, 1)
    require(share > 0, "share = 0", "a number above 0 to 1", "Take 0.1 for the slowest tenth")
    total = times.total_s
    return np.argsort(-total, kind="stable")[: max(1, round(share * len(total)))]
