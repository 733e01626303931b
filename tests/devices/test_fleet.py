"""The fleet: kinds, counts, times and joules."""

from __future__ import annotations

import dataclasses
import itertools
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab.devices import (
    CATALOGUE,
    DeviceKind,
    Fleet,
    energy_j,
    participation_times,
    sample_fleet,
    slowest,
)
from ftte_lab.devices.device_kind import NUMBERS

MIX = {"sensor": 0.5, "watch": 0.3, "phone": 0.2}
MEMORY_KIB = {
    "sensor": 256,
    "esp32": 320,
    "watch": 104 * 1024,
    "pi_zero": 128 * 1024,
    "pi4": 2**20,
    "jetson": 2**20,
    "phone_low": 2**19,
    "phone": 2**21,
    "fitness_watch": 128,
}
"""What a training step may use, from before RAM and share were apart; the last kind is newer."""


def of_kinds(*names: str, **slow: float) -> Fleet:
    """A fleet of one client per name, in this order."""
    fleet = sample_fleet(
        {name: names.count(name) / len(names) for name in names}, len(names), seed=0
    )
    order = []
    for name in names:
        order.append(
            next(i for i, kind in enumerate(fleet.kind) if kind == name and i not in order)
        )
    columns = {f.name: getattr(fleet, f.name)[order].copy() for f in dataclasses.fields(Fleet)[1:]}
    for name, factor in slow.items():
        columns["slow_factor"][names.index(name)] = factor
    return Fleet(kind=names, **columns)


def test_catalogue_has_the_kinds_of_the_lessons() -> None:
    assert {"sensor", "esp32", "watch", "pi_zero", "pi4", "jetson", "phone_low", "phone"} <= set(
        CATALOGUE
    )
    assert all(kind.name == name for name, kind in CATALOGUE.items())


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=str)
def test_device_kind_has_a_source_for_every_number(kind: DeviceKind) -> None:
    assert set(kind.sources) == set(NUMBERS)
    named = (
        *("STM32", "ESP32", "Android CDD", "Raspberry", "NVIDIA", "Huang", "Ookla", "Bonawitz"),
        *("Energizer", "Samsung", "Nokia", "Google", "Espruino", "Garmin"),
    )
    for source in kind.sources.values():
        assert source.startswith("illustrative") or any(name in source for name in named), source


@pytest.mark.parametrize("number", NUMBERS)
def test_device_kind_refuses_a_number_without_source(number: str) -> None:
    sources = {key: text for key, text in CATALOGUE["watch"].sources.items() if key != number}
    for missing in (sources, {**sources, number: "  "}):
        with pytest.raises(ValueError, match=f"no source for {number}"):
            dataclasses.replace(CATALOGUE["watch"], sources=missing)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("ram_bytes", 0), ("ram_bytes", 1.5), ("flops_per_s", 0.0), ("downlink_bps", 0.0)),
        *(("app_memory_share", 0.0), ("app_memory_share", 1.1), ("charge_h", 25.0)),
        *(("battery_j", 0.0), ("battery_j", -1.0), ("battery_j", math.nan), ("charge_w", -1.0)),
        *(("uplink_bps", -1.0), ("compute_w", math.inf), ("radio_w", -0.1), ("dropout", 1.1)),
    ],
)
def test_device_kind_refuses_impossible_numbers(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"watch: {field} = .*; allowed: "):
        dataclasses.replace(CATALOGUE["watch"], **{field: value})


def test_memory_is_ram_times_share_to_the_byte() -> None:
    shipped = {name: CATALOGUE[name].memory_bytes for name in MEMORY_KIB}
    assert shipped == {name: 1024 * kib for name, kib in MEMORY_KIB.items()}
    for kind in CATALOGUE.values():
        assert kind.memory_bytes == pytest.approx(kind.ram_bytes * kind.app_memory_share, abs=0.5)


@given(name=st.sampled_from(list(MEMORY_KIB)), share=st.floats(1e-6, 1))
def test_another_share_is_for_devices_with_an_operating_system(name: str, share: float) -> None:
    kind = CATALOGUE[name]
    offered = kind.training_bytes(share)
    if kind.operating_system:
        assert max(1, kind.ram_bytes * share - 0.5) <= offered <= kind.ram_bytes * share + 1
        assert kind.training_bytes(kind.app_memory_share) == kind.memory_bytes
    else:
        assert offered == kind.memory_bytes
    fleet = sample_fleet({name: 1.0}, 2, app_memory_share=share, seed=0)
    assert fleet.memory_bytes.tolist() == [offered, offered]


def test_a_watch_can_be_the_weakest_of_a_fleet() -> None:
    mix = {"sensor": 0.5, "watch": 0.5}
    assert sample_fleet(mix, 4, seed=0).weakest()[1] == "sensor"
    assert sample_fleet(mix, 4, app_memory_share=5e-4, seed=0).weakest()[1] == "watch"
    mix = {"sensor": 0.5, "fitness_watch": 0.5}
    assert sample_fleet(mix, 4, seed=0).weakest()[1:] == ("fitness_watch", 128 * 1024)


def test_device_kind_can_be_pickled_and_hashed() -> None:
    kind = CATALOGUE["pi4"]
    assert pickle.loads(pickle.dumps(kind)) == kind  # noqa: S301  # as process pools do
    assert len({kind, dataclasses.replace(kind)}) == 1


def test_ms_per_sample_is_three_forward_passes() -> None:
    assert CATALOGUE["sensor"].ms_per_sample(4e6) == pytest.approx(3000)
    t_ms, forward = 250.0, 0.7e6
    edited = dataclasses.replace(CATALOGUE["sensor"], flops_per_s=3e3 * forward / t_ms)
    assert edited.ms_per_sample(forward) == pytest.approx(t_ms)


def test_participation_times_have_the_scale_of_the_lessons() -> None:
    """The scale of the lessons: 80 sample-steps of 0.75 MFLOP forward, 60 KB each way."""
    fleet = of_kinds("sensor", "watch", "phone")
    times = participation_times(
        fleet, download_bytes=60e3, upload_bytes=60e3, flops=80 * 3 * 0.75e6
    )
    sensor, watch, phone = times.total_s
    assert 20 < sensor < 200
    assert 3 < watch < 15
    assert 0.2 < phone < 2


@given(
    weights=st.lists(st.integers(0, 50), min_size=1, max_size=3).filter(any),
    clients=st.integers(1, 40),
    seed=st.integers(0, 99),
)
def test_sample_fleet_counts_are_nearest_to_the_mix(
    weights: list[int], clients: int, seed: int
) -> None:
    names = list(CATALOGUE)[: len(weights)]
    exact = [w / sum(weights) * clients for w in weights]
    fleet = sample_fleet(
        {n: w / sum(weights) for n, w in zip(names, weights, strict=True)}, clients, seed=seed
    )
    counts = [fleet.kind.count(name) for name in names]
    assert sum(counts) == clients == len(fleet)

    def error(split: tuple[int, ...]) -> float:
        return sum((a - b) ** 2 for a, b in zip(split, exact, strict=True))

    splits = [
        s for s in itertools.product(range(clients + 1), repeat=len(names)) if sum(s) == clients
    ]
    assert error(tuple(counts)) == pytest.approx(min(map(error, splits)), abs=1e-9)


def test_sample_fleet_gives_equal_remainders_to_the_kind_that_is_listed_first() -> None:
    fleet = sample_fleet({"phone": 0.5, "sensor": 0.5}, 3, seed=5)
    assert (fleet.kind.count("phone"), fleet.kind.count("sensor")) == (1, 2)


@given(share=st.floats(0, 1), clients=st.integers(1, 200), seed=st.integers(0, 9))
def test_sample_fleet_draws_exactly_so_many_stragglers(
    share: float, clients: int, seed: int
) -> None:
    fleet = sample_fleet(MIX, clients, straggler_share=share, straggler_factor=7, seed=seed)
    assert fleet.straggler.sum() == round(share * clients)
    np.testing.assert_array_equal(fleet.slow_factor, np.where(fleet.straggler, 7.0, 1.0))


def test_sample_fleet_draws_stragglers_of_every_kind() -> None:
    fleet = sample_fleet(MIX, 10_000, straggler_share=0.4, seed=3)
    for name in MIX:
        is_kind = np.array(fleet.kind) == name
        assert fleet.straggler[is_kind].mean() == pytest.approx(0.4, abs=0.05)


def test_sample_fleet_seed_shuffles_without_changing_counts() -> None:
    one, again, other = (sample_fleet(MIX, 100, straggler_share=0.9, seed=s) for s in (1, 1, 2))
    assert one.kind == again.kind
    np.testing.assert_array_equal(one.straggler, again.straggler)
    assert one.kind != other.kind
    assert sorted(one.kind) == sorted(other.kind)
    assert (one.straggler != other.straggler).any()


def test_fleet_copies_its_kinds_and_is_read_only() -> None:
    fleet = sample_fleet(MIX, 50, seed=0)
    taken_over = [number for number in NUMBERS if number not in ("ram_bytes", "app_memory_share")]
    for number in ["memory_bytes", *taken_over]:
        np.testing.assert_array_equal(
            getattr(fleet, number), [getattr(CATALOGUE[name], number) for name in fleet.kind]
        )
    with pytest.raises(ValueError, match="read-only"):
        fleet.dropout[0] = 1


def test_sample_fleet_takes_one_dropout_and_another_catalogue() -> None:
    mine = {
        **CATALOGUE,
        "mine": dataclasses.replace(CATALOGUE["pi4"], name="mine", ram_bytes=4 * 77),
    }
    fleet = sample_fleet({"mine": 1.0}, 3, dropout=0.25, catalogue=mine, seed=0)
    assert fleet.kind == ("mine",) * 3
    np.testing.assert_array_equal(fleet.memory_bytes, 77)
    np.testing.assert_array_equal(fleet.dropout, 0.25)


def test_catalogue_takes_kinds_of_your_own() -> None:
    mine = dataclasses.replace(CATALOGUE["pi4"], name="mine", flops_per_s=30e6)
    CATALOGUE["mine"] = mine
    try:
        assert CATALOGUE.own == ("mine",)
        assert sample_fleet({"mine": 1.0}, 2, seed=0).flops_per_s.tolist() == [30e6, 30e6]
    finally:
        CATALOGUE.pop("mine")
    with pytest.raises(ValueError, match="'other' is named 'mine'; allowed: the same name"):
        CATALOGUE["other"] = mine
    with pytest.raises(ValueError, match="'other' is dict; allowed: a DeviceKind"):
        CATALOGUE["other"] = {}  # type: ignore[assignment]
    with pytest.raises(ValueError, match="'pi4' is shipped"):
        CATALOGUE["pi4"] = CATALOGUE["pi4"]


def test_participation_times_and_energy_by_hand() -> None:
    fleet = of_kinds("sensor", "phone", phone=10)
    times = participation_times(fleet, download_bytes=30_000, upload_bytes=15_000, flops=40e6)
    np.testing.assert_allclose(times.download_s, [0.8, 10 * 240_000 / 166.1e6])
    np.testing.assert_allclose(times.compute_s, [10.0, 1.0])
    np.testing.assert_allclose(times.upload_s, [0.4, 10 * 120_000 / 21.1e6])
    np.testing.assert_allclose(times.total_s[0], 11.2)
    joules = energy_j(fleet, times)
    assert joules[0] == pytest.approx(0.4 * 10 + 0.05 * 1.2)
    assert joules[1] == pytest.approx(6 * 1.0 + 2 * 10 * (240_000 / 166.1e6 + 120_000 / 21.1e6))


def test_participation_times_take_one_number_per_client() -> None:
    fleet = of_kinds("watch", "watch")
    times = participation_times(
        fleet, download_bytes=np.array([0.0, 3e5]), upload_bytes=0, flops=np.array([2e7, 0])
    )
    np.testing.assert_allclose(times.total_s, [1.0, 8.0])


@given(
    down=st.integers(0, 10**7),
    up=st.integers(0, 10**7),
    flops=st.integers(0, 10**10),
    factor=st.floats(1, 50),
)
def test_participation_times_multiply_a_straggler_in_everything(
    down: int, up: int, flops: int, factor: float
) -> None:
    normal, slow = of_kinds("pi4", "phone"), of_kinds("pi4", "phone", pi4=factor, phone=factor)
    fast_times, slow_times = (
        participation_times(f, download_bytes=down, upload_bytes=up, flops=flops)
        for f in (normal, slow)
    )
    for part in ("download_s", "compute_s", "upload_s"):
        np.testing.assert_allclose(getattr(slow_times, part), factor * getattr(fast_times, part))
    np.testing.assert_allclose(energy_j(slow, slow_times), factor * energy_j(normal, fast_times))


def test_fleet_weakest_and_holds() -> None:
    fleet = of_kinds("phone", "esp32", "sensor", "sensor")
    assert fleet.weakest() == (2, "sensor", 256 * 1024)
    assert fleet.holds(256 * 1024).all()
    assert fleet.holds(256 * 1024 + 1).tolist() == [True, True, False, False]


def test_slowest_orders_by_total_time() -> None:
    fleet = of_kinds("phone", "sensor", "watch", "sensor")
    times = participation_times(fleet, download_bytes=6e4, upload_bytes=6e4, flops=1e8)
    assert slowest(0.5, times).tolist() == [1, 3]
    assert slowest(1.0, times).tolist() == [1, 3, 2, 0]
    assert slowest(0.01, times).tolist() == [1]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"mix": {"sensr": 1.0}}, "Did you mean 'sensor'"),
        ({"mix": {}}, "mix is empty; allowed"),
        ({"mix": {"sensor": 0.5, "watch": 0.6}}, "mix sums to 1.1; allowed"),
        ({"mix": {"sensor": -0.5, "watch": 1.5}}, "= -0.5; allowed"),
        ({"clients": 0}, "clients = 0; allowed"),
        ({"straggler_share": 1.5}, "straggler_share = 1.5; allowed"),
        ({"straggler_factor": 0.5}, "straggler_factor = 0.5; allowed"),
        ({"dropout": math.nan}, "dropout = nan; allowed"),
        ({"seed": -1}, "seed = -1; allowed"),
        ({"app_memory_share": 0}, "app_memory_share = 0; allowed"),
        ({"app_memory_share": 1.5}, "app_memory_share = 1.5; allowed"),
    ],
)
def test_sample_fleet_explains_wrong_arguments(change: dict[str, Any], text: str) -> None:
    arguments: dict[str, Any] = {"mix": MIX, "clients": 10, "seed": 0} | change
    with pytest.raises(ValueError, match=text):
        sample_fleet(**arguments)


@pytest.mark.parametrize("bad", [-1.0, math.inf, np.ones(3), np.array([1.0, math.nan])])
@pytest.mark.parametrize("name", ["download_bytes", "upload_bytes", "flops"])
def test_participation_times_explain_wrong_loads(name: str, bad: Any) -> None:
    load: dict[str, Any] = {"download_bytes": 1, "upload_bytes": 1, "flops": 1, name: bad}
    with pytest.raises(ValueError, match=f"{name} = .*; allowed"):
        participation_times(of_kinds("phone", "watch"), **load)


def test_fleet_explains_other_wrong_arguments() -> None:
    fleet = of_kinds("phone", "watch")
    times = participation_times(fleet, download_bytes=1, upload_bytes=1, flops=1)
    for share in (0, 1.1, -0.1):
        with pytest.raises(ValueError, match=r"share = .*; allowed"):
            slowest(share, times)
    with pytest.raises(ValueError, match="peak_bytes = -1; allowed"):
        fleet.holds(-1)
    with pytest.raises(ValueError, match="forward_flops = -1; allowed"):
        CATALOGUE["phone"].ms_per_sample(-1)
    with pytest.raises(ValueError, match="dropout has shape"):
        dataclasses.replace(fleet, dropout=np.zeros(3))
