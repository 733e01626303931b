"""Draw a fleet of devices, and time and charge what they do.

Beside every number of `CATALOGUE` stands its source, or the word "illustrative" where we have read
none: such numbers are sliders, not facts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ftte_lab._common import choice, integer, number, require, shown
from ftte_lab.devices.catalogue import CATALOGUE
from ftte_lab.devices.device_kind import NUMBERS, DeviceKind

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_MOST_CLIENTS = 10_000_000
_MOST_SLOW = 1e12
_FLEET_TAG = 0xF1EE7
"""Keeps a fleet's random stream apart from every other use of the same seed."""
_COLUMNS = tuple(key for key in NUMBERS if key not in ("ram_bytes", "app_memory_share"))
"""The numbers of a kind that a fleet takes over as they are; memory has a column of its own."""


@dataclass(frozen=True, eq=False)
class Fleet:
    """Hold what each client is, in read-only arrays of shape (clients,).

    Attributes:
        kind: the name of each client's kind.
        memory_bytes: what a training step may use.
        flops_per_s, downlink_bps, uplink_bps: of the kind, before `slow_factor`.
        compute_w, radio_w: power while training, and while sending or receiving.
        dropout: probability that a participation never arrives.
        battery_j: energy of a full battery; `inf`: on the mains.
        charge_w, charge_h: power at the charger, and hours a day there.
        slow_factor: 1, or how many times longer this client computes and communicates.
        straggler: whether `slow_factor` is that of the stragglers.
    """

    kind: tuple[str, ...]
    memory_bytes: NDArray[np.int64]
    flops_per_s: Floats
    downlink_bps: Floats
    uplink_bps: Floats
    compute_w: Floats
    radio_w: Floats
    dropout: Floats
    battery_j: Floats
    charge_w: Floats
    charge_h: Floats
    slow_factor: Floats
    straggler: Bools

    def __post_init__(self) -> None:
        for f in fields(self)[1:]:
            shape = getattr(self, f.name).shape
            require(
                shape == (len(self),),
                f"{f.name} has shape {shape}",
                f"({len(self)},), one per client",
            )
            getattr(self, f.name).setflags(write=False)

    def __len__(self) -> int:
        return len(self.kind)

    def weakest(self) -> tuple[int, str, int]:
        """Return index, kind and bytes of the client with the least memory, the first of equals.

        It sets the budget M_min.
        """
        index = int(np.argmin(self.memory_bytes))
        return index, self.kind[index], int(self.memory_bytes[index])

    def holds(self, peak_bytes: float | Floats) -> Bools:
        """Return which clients can hold a training step, shape (clients,).

        `peak_bytes` is one number, or one per client.

        Raises:
            ValueError: if `peak_bytes` is negative, or neither one number nor one per client.
        """
        return np.asarray(self.memory_bytes >= _per_client("peak_bytes", peak_bytes, len(self)))


@dataclass(frozen=True, eq=False)
class Times:
    """Hold the seconds of one participation of each client, without jitter, shape (clients,)."""

    download_s: Floats
    compute_s: Floats
    upload_s: Floats

    @property
    def total_s(self) -> Floats:
        """Return the seconds from the start of the download to the arrival at the server."""
        return self.download_s + self.compute_s + self.upload_s


def _counts(
    mix: Mapping[str, float], clients: int, catalogue: Mapping[str, DeviceKind]
) -> list[int]:
    """Clients per kind by largest remainder; equal remainders go to the kind listed first."""
    require(
        len(mix) > 0,
        "mix is empty",
        "at least one kind with its share",
        "For example {'sensor': 1.0}",
    )
    for name, share in mix.items():
        choice("mix: kind", name, catalogue)
        number(f"mix[{name!r}]", share, 0, 1)
    total = math.fsum(mix.values())
    require(
        abs(total - 1) < 1e-6,
        f"mix sums to {total:g}",
        "a sum of 1",
        "Divide each share by the sum",
    )
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
    app_memory_share: float | None = None,
    catalogue: Mapping[str, DeviceKind] = CATALOGUE,
    seed: int,
) -> Fleet:
    """Draw a fleet whose kinds follow the mix exactly, in an order shuffled by the seed.

    Shares are exact (largest remainder), so that a slider moved by a point moves one client in a
    hundred. The order in which the mix names the kinds does not matter. Stragglers (our
    reconstruction, the paper's delay model is not known): `round(straggler_share * clients)`
    clients of any kind, drawn at random, compute **and** communicate `straggler_factor` (>= 1)
    times slower, always. `dropout` and `app_memory_share` None mean each kind's own; the latter is
    that of devices with an operating system.

    Example:
        >>> fleet = sample_fleet({"sensor": 0.75, "phone": 0.25}, 8, seed=0)
        >>> fleet.kind.count("sensor"), fleet.weakest()[1:]
        (6, ('sensor', 262144))

    Raises:
        ValueError: an unknown kind, shares that do not sum to 1, or a number out of range.
    """
    clients = integer("clients", clients, 1, _MOST_CLIENTS)
    straggler_share = number("straggler_share", straggler_share, 0, 1)
    fix = "1 means that nobody is slow"
    straggler_factor = number("straggler_factor", straggler_factor, 1, _MOST_SLOW, fix)
    seed = integer("seed", seed, 0)
    number("dropout", 0 if dropout is None else dropout, 0, 1)
    mix = CATALOGUE.ordered(mix)
    counts = _counts(mix, clients, catalogue)
    rng = np.random.default_rng(np.random.SeedSequence([seed, _FLEET_TAG]))
    names = list(mix)
    which = rng.permutation(np.repeat(np.arange(len(names)), counts))
    straggler = rng.permutation(clients) < round(straggler_share * clients)
    column = {
        key: np.array([float(getattr(catalogue[name], key)) for name in names])[which]
        for key in _COLUMNS
    }
    memory = np.array([catalogue[n].training_bytes(app_memory_share) for n in names], np.int64)
    if dropout is not None:
        column["dropout"] = np.full(clients, float(dropout))
    slow = np.where(straggler, float(straggler_factor), 1.0)
    kind = tuple(names[i] for i in which)
    return Fleet(
        kind=kind, memory_bytes=memory[which], slow_factor=slow, straggler=straggler, **column
    )


def _per_client(name: str, value: float | Floats, clients: int) -> Floats:
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.array(np.nan)
    fits = array.shape in ((), (clients,)) and bool(np.isfinite(array).all() and (array >= 0).all())
    if not fits:  # showing an array takes long
        require(
            fits,
            f"{name} = {shown(value)}",
            f"one finite number from 0 upwards, or {clients}, one per client",
        )
    return np.broadcast_to(array, (clients,))


def participation_times(
    fleet: Fleet,
    *,
    download_bytes: float | Floats,
    upload_bytes: float | Floats,
    flops: float | Floats,
) -> Times:
    """Return the seconds that each client spends on download, training and upload.

    A smaller subset shortens all three. Bytes x 8 over bit/s and FLOP over FLOP/s, times
    `slow_factor`; no latency, no contention (our reconstruction, after FedScale). Each argument is
    one number or has shape (clients,); `flops` counts all local steps.

    Raises:
        ValueError: a negative or non-finite number, or an array of another length.
    """
    n, slow = len(fleet), fleet.slow_factor
    down = _per_client("download_bytes", download_bytes, n)
    up = _per_client("upload_bytes", upload_bytes, n)
    work = _per_client("flops", flops, n)
    with np.errstate(over="ignore"):
        times = Times(
            download_s=slow * 8 * down / fleet.downlink_bps,
            compute_s=slow * work / fleet.flops_per_s,
            upload_s=slow * 8 * up / fleet.uplink_bps,
        )
        finite = bool(np.isfinite(times.total_s).all())
    require(finite, "a participation takes for ever", "durations that a float can hold")
    return times


def energy_j(fleet: Fleet, times: Times) -> Floats:
    """Return the joules of one participation of each client, shape (clients,).

    They are power x time (our reconstruction). A straggler is counted at full power for all its
    longer time.

    Raises:
        ValueError: times that are negative or not finite, or of another fleet.
    """
    columns = (times.download_s, times.compute_s, times.upload_s)
    fits = all(one.shape == (len(fleet),) and bool((one >= 0).all()) for one in columns)
    require(fits, "times of other shape, or negative", f"{len(fleet)} numbers, one per client")
    with np.errstate(over="ignore", invalid="ignore"):
        joules = fleet.compute_w * times.compute_s + fleet.radio_w * (
            times.download_s + times.upload_s
        )
    require(bool(np.isfinite(joules).all()), "energies are not finite", "finite durations")
    return joules


def slowest(share: float, times: Times) -> NDArray[np.int64]:
    """Return the indices of the slowest share of the clients by total time, slowest first.

    Of equals the lower index comes first. Their accuracy is reported apart (arXiv 2403.09086). It
    is `round(share * clients)` of them, at least one.

    Raises:
        ValueError: if `share` is not above 0 and at most 1.
    """
    share = number("share", share, 0, 1)
    require(share > 0, "share = 0", "a number above 0 to 1", "Take 0.1 for the slowest tenth")
    total = times.total_s
    return np.argsort(-total, kind="stable")[: max(1, round(share * len(total)))]
