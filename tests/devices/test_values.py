"""Values pinned for whole functions: a fleet and its draws, times, energy, and memory bills."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from ftte_lab.devices import (
    ACCOUNTINGS,
    CATALOGUE,
    DAY_S,
    Batteries,
    FaultyMessages,
    LocalStep,
    draw_batteries,
    energy_j,
    faulty_clients,
    inference_peak_bytes,
    lever_bills,
    measure_peak,
    memory_course,
    memory_model,
    part_sizes,
    participation_times,
    random_labels,
    recompute_flops,
    sample_fleet,
    slowest,
    training_bill,
)
from ftte_lab.models import Model, Subset, biases, build, full, head, make_plan

SHAPES = {"mlp": (1, 8, 8), "cnn": (3, 32), "mcunet-s": (3, 64), "cnn-maxpool": (2, 9, 12)}
SUBSETS = {"full": full, "head": head, "biases": biases}
LEVERS: tuple[dict[str, Any], ...] = (
    {},
    {"micro_batch": 2},
    {"recompute": True},
    {"momentum": 0.9},
)
BILLS = {
    ("mlp", "pytorch", "full"): (54364, 69980, 54364, 79984, 29460),
    ("mlp", "pytorch", "head"): (29508, 28824, 29508, 30168, 29460),
    ("mlp", "pytorch", "biases"): (30044, 28636, 30812, 30448, 29460),
    ("mlp", "pytorch-fused", "full"): (45384, 69980, 45384, 71004, 29460),
    ("mlp", "pytorch-fused", "head"): (29508, 28824, 29508, 30168, 29460),
    ("mlp", "pytorch-fused", "biases"): (30024, 28636, 30664, 30428, 29460),
    ("mlp", "tiny", "full"): (24126, 49490, 24126, 49746, 7668),
    ("mlp", "tiny", "head"): (7984, 8496, 7984, 8644, 7668),
    ("mlp", "tiny", "biases"): (7854, 7890, 7918, 8258, 7668),
    ("cnn", "pytorch", "full"): (91996, 100188, 87388, 124976, 47764),
    ("cnn", "pytorch", "head"): (47812, 40152, 47812, 48472, 47764),
    ("cnn", "pytorch", "biases"): (55772, 42524, 55644, 56112, 47764),
    ("cnn", "pytorch-fused", "full"): (89992, 100188, 77320, 122972, 47764),
    ("cnn", "pytorch-fused", "head"): (47812, 40152, 47812, 48472, 47764),
    ("cnn", "pytorch-fused", "biases"): (55624, 42524, 55496, 55964, 47764),
    ("cnn", "tiny", "full"): (38638, 65730, 35182, 71618, 12580),
    ("cnn", "tiny", "head"): (12586, 11070, 12586, 13246, 12580),
    ("cnn", "tiny", "biases"): (14446, 11458, 14318, 14786, 12580),
    ("mcunet-s", "pytorch", "full"): (304316, 173916, 163580, 343664, 74868),
    ("mcunet-s", "pytorch", "head"): (74916, 54968, 74916, 75576, 74868),
    ("mcunet-s", "pytorch", "biases"): (197564, 97116, 113340, 199472, 74868),
    ("mcunet-s", "pytorch-fused", "full"): (303400, 173916, 132456, 342748, 74868),
    ("mcunet-s", "pytorch-fused", "head"): (74916, 54968, 74916, 75576, 74868),
    ("mcunet-s", "pytorch-fused", "biases"): (197224, 97116, 111976, 199132, 74868),
    ("mcunet-s", "tiny", "full"): (85462, 81162, 38422, 124810, 21708),
    ("mcunet-s", "tiny", "head"): (21714, 17126, 21714, 22374, 21708),
    ("mcunet-s", "tiny", "biases"): (51478, 28426, 30358, 53386, 21708),
    ("cnn-maxpool", "pytorch", "full"): (319708, 308508, 319708, 415216, 183828),
    ("cnn-maxpool", "pytorch", "head"): (183876, 129752, 183876, 185176, 183828),
    ("cnn-maxpool", "pytorch", "biases"): (183876, 128920, 193500, 184344, 183828),
    ("cnn-maxpool", "pytorch-fused", "full"): (290056, 308508, 225480, 385564, 183828),
    ("cnn-maxpool", "pytorch-fused", "head"): (183876, 129752, 183876, 185176, 183828),
    ("cnn-maxpool", "pytorch-fused", "biases"): (183876, 128920, 193096, 184344, 183828),
    ("cnn-maxpool", "tiny", "full"): (122734, 202818, 106510, 218242, 46788),
    ("cnn-maxpool", "tiny", "head"): (46794, 34142, 46794, 48094, 46788),
    ("cnn-maxpool", "tiny", "biases"): (46794, 33310, 49102, 47262, 46788),
}
"""Bytes of a step on a batch of 6: plain, with micro-batches of 2, with recomputation, with
momentum; and of the forward pass. Those of "pytorch" are also measured, in `test_memory.py`."""

MIX = {"watch": 0.4, "phone": 0.35, "sensor": 0.25}
FLEET = sample_fleet(MIX, 9, straggler_share=0.3, straggler_factor=4.0, seed=3)
W, P, S = "watch", "phone", "sensor"


@pytest.mark.parametrize(("name", "accounting", "kind"), list(BILLS))
def test_bills_to_the_byte(name: str, accounting: str, kind: str) -> None:
    net = build(name, SHAPES[name], 5)
    subset = SUBSETS[kind](net)
    peaks = [training_bill(net, subset, 6, accounting, **lever) for lever in LEVERS]
    found = (*(bill.peak_bytes for bill in peaks), inference_peak_bytes(net, 6, accounting))
    assert found == BILLS[name, accounting, kind]
    for bill, lever in zip(peaks, LEVERS, strict=True):
        assert sum(bill.parts().values()) == bill.peak_bytes
        assert bill.accounting == accounting
        assert bill.batch == 6
        assert bill.micro_batch == lever.get("micro_batch")
        assert bill.recompute == lever.get("recompute", False)
        assert bill.inference_one_bytes == inference_peak_bytes(net, 1, accounting)
        at_once = 2 if "micro_batch" in lever else 6
        assert bill.inference_peak_bytes == inference_peak_bytes(net, at_once, accounting)
    assert set(ACCOUNTINGS) == {"pytorch", "pytorch-fused", "tiny"}


@pytest.mark.parametrize("name", list(SHAPES))
def test_the_course_of_memory_peaks_where_the_bill_does(name: str) -> None:
    net = build(name, SHAPES[name], 5)
    for subset in (full(net), head(net), biases(net)):
        for lever in LEVERS[:3]:
            bill = training_bill(net, subset, 6, **lever)
            table = memory_model(net, 6, **lever)
            assert table.peak_of(subset) == bill.peak_bytes


def test_a_fleet_to_the_last_column() -> None:
    assert FLEET.kind == (W, W, P, W, S, W, P, P, S)
    memory = {W: 109_051_904, P: 2_147_483_648, S: 262_144}
    assert FLEET.memory_bytes.tolist() == [memory[kind] for kind in FLEET.kind]
    slow = [2, 7, 8]
    assert np.flatnonzero(FLEET.straggler).tolist() == slow
    assert FLEET.slow_factor.tolist() == [4.0 if k in slow else 1.0 for k in range(9)]
    for column in ("dropout", "flops_per_s", "downlink_bps", "uplink_bps", "compute_w", "radio_w"):
        wanted = [float(getattr(CATALOGUE[kind], column)) for kind in FLEET.kind]
        assert getattr(FLEET, column).tolist() == wanted
    assert FLEET.weakest() == (4, S, 262_144)
    assert FLEET.holds(262_144).all()
    assert FLEET.holds(262_145).tolist() == [kind != S for kind in FLEET.kind]
    other = sample_fleet({S: 0.5, W: 0.5}, 3, dropout=0.25, app_memory_share=0.5, seed=0)
    assert other.kind == (W, S, S)  # of equal remainders the kind that is listed first
    assert other.memory_bytes.tolist() == [218_103_808, 262_144, 262_144]
    assert other.dropout.tolist() == [0.25] * 3
    assert not other.straggler.any()


def test_kinds_by_largest_remainder() -> None:
    for mix, clients, wanted in (
        ({W: 0.5, P: 0.3, S: 0.2}, 10, (5, 3, 2)),
        ({W: 0.34, P: 0.33, S: 0.33}, 10, (4, 3, 3)),
        ({W: 0.1, P: 0.1, S: 0.8}, 4, (1, 0, 3)),
        ({W: 0.26, P: 0.27, S: 0.47}, 2, (0, 1, 1)),
    ):
        kinds = sample_fleet(mix, clients, seed=1).kind
        assert tuple(kinds.count(name) for name in (W, P, S)) == wanted


def test_times_and_joules_of_a_participation_by_hand() -> None:
    times = participation_times(FLEET, download_bytes=1e6, upload_bytes=2e5, flops=1e9)
    for k, name in enumerate(FLEET.kind):
        kind, slow = CATALOGUE[name], 4.0 if k in (2, 7, 8) else 1.0
        down, up = slow * 8e6 / kind.downlink_bps, slow * 1.6e6 / kind.uplink_bps
        work = slow * 1e9 / kind.flops_per_s
        assert times.download_s[k] == pytest.approx(down)
        assert times.upload_s[k] == pytest.approx(up)
        assert times.compute_s[k] == pytest.approx(work)
        assert times.total_s[k] == pytest.approx(down + up + work)
        joules = kind.compute_w * work + kind.radio_w * (down + up)
        assert energy_j(FLEET, times)[k] == pytest.approx(joules)
    order = np.argsort(-times.total_s, kind="stable").tolist()
    assert [slowest(share, times).tolist() for share in (0.01, 0.3, 1.0)] == [
        order[:1],
        order[:3],
        order,
    ]
    assert CATALOGUE[W].ms_per_sample(1e6) == pytest.approx(150.0)


def test_memory_that_training_may_use() -> None:
    for kind in CATALOGUE.values():
        share = kind.app_memory_share
        assert kind.memory_bytes == round(kind.ram_bytes * share)
        other = 0.5 if kind.operating_system else share
        assert kind.training_bytes(0.5) == round(kind.ram_bytes * other)
        assert kind.training_bytes() == kind.memory_bytes
        assert kind.training_bytes(1e-12) >= 1
        assert kind.ms_per_sample(2e6) == pytest.approx(3e3 * 2e6 / kind.flops_per_s)


def test_batteries_as_drawn() -> None:
    drawn = draw_batteries(FLEET, 0.5, seed=3)
    capacity = [0.5 * CATALOGUE[kind].battery_j for kind in FLEET.kind]
    assert drawn.capacity_j.tolist() == pytest.approx(capacity)
    start = [185.071, 465.298, 18534.721, 1564.262, 6143.879, 789.254, 2271.222, 491.101, 14086.415]
    assert drawn.start_j.tolist() == pytest.approx(start, abs=1e-3)
    plug = [
        *(83875.474, 44054.385, 72723.678, 45894.334, 66199.366),
        *(54624.677, 37839.666, 30740.395, 80185.33),
    ]
    assert drawn.plug_s.tolist() == pytest.approx(plug, abs=1e-3)
    assert drawn.charge_w.tolist() == [0.5 * CATALOGUE[kind].charge_w for kind in FLEET.kind]
    assert drawn.plugged_s.tolist() == [3600.0 * CATALOGUE[kind].charge_h for kind in FLEET.kind]
    endless = draw_batteries(sample_fleet({"pi4": 1.0}, 2, seed=0), 0.5, seed=0)
    assert endless.start_j.tolist() == [math.inf, math.inf]


def test_charging_over_the_days_by_hand() -> None:
    """A charger at 2 W from hour 6 to hour 8, each day."""
    one = [np.array([value]) for value in (30_000.0, 0.0, 2.0, 6 * 3600.0, 2 * 3600.0)]
    battery = Batteries(*one)
    for hours, joules in ((0, 0), (6, 0), (7, 7200), (8, 14_400), (24, 14_400), (31, 21_600)):
        assert float(battery.after(0, 0.0, 0.0, hours * 3600.0)) == joules
    assert float(battery.after(0, 5000.0, 7 * 3600.0, 8 * 3600.0)) == 12_200
    assert float(battery.after(0, 0.0, 0.0, 10 * DAY_S)) == 30_000
    assert battery.ready_s(0, 0.0, 0.0, 7200.0) == 7 * 3600
    assert battery.ready_s(0, 0.0, 0.0, 14_400.0) == 8 * 3600
    assert battery.ready_s(0, 0.0, 0.0, 14_402.0) == DAY_S + 6 * 3600 + 1
    assert battery.ready_s(0, 0.0, 7 * 3600.0, 7200.0) == 8 * 3600
    assert battery.ready_s(0, 5.0, 50.0, 5.0) == 50.0
    assert battery.ready_s(0, 0.0, 0.0, 30_001.0) == math.inf
    assert len(battery) == 1


def test_draws_of_faults_are_pinned() -> None:
    assert np.flatnonzero(faulty_clients(20, 0.3, 5)).tolist() == [3, 4, 5, 7, 8, 12]
    shards, both = [np.arange(4), np.arange(4, 8)], np.array([True, True])
    wrong = random_labels(np.zeros(8, int), shards, both, 7, 2)
    assert wrong.tolist() == [2, 2, 6, 6, 4, 3, 1, 4]
    messages = FaultyMessages("noise", np.array([True]), 4)
    update = torch.tensor([[3.0, 0.0, 4.0]])
    [got] = messages.sent(np.array([0]), np.array([3]), [update])
    assert got[0].tolist() == pytest.approx([49.7585563, 0.0, -4.9077734])


def test_a_replay_is_the_first_message_of_each_client() -> None:
    messages = FaultyMessages("replay", np.array([True, False, True]), 0)
    for visit in range(3):
        rows = torch.tensor([[1.0], [2.0], [3.0]]) + 10 * visit
        beside = torch.tensor([0.1, 0.2, 0.3]) + visit
        who = np.array([2, 1, 0])
        got, number = messages.sent(who, np.full(3, visit), [rows, beside])
        assert got.flatten().tolist() == [1.0, 2.0 + 10 * visit, 3.0]
        assert number.tolist() == pytest.approx([0.1, 0.2 + visit, 0.3])


def test_parts_of_a_batch_are_even_the_smaller_first() -> None:
    assert part_sizes(8, 3) == [2, 3, 3]
    assert part_sizes(8, 8) == part_sizes(8, 9) == part_sizes(8, None) == [8]
    assert part_sizes(7, 2) == [1, 2, 2, 2]
    assert part_sizes(5, 1) == [1] * 5
    assert part_sizes(1, 1) == [1]
    whole, parts = LocalStep(8), LocalStep(8, micro_batch=3)
    assert (whole.at_once, whole.accumulates) == (8, False)
    assert (parts.at_once, parts.accumulates) == (3, True)
    assert not LocalStep(8, micro_batch=8).accumulates


def test_recomputation_runs_the_inside_of_blocks_again() -> None:
    """Only a block through which a gradient passes; its last operations need not run again."""
    net = build("mcunet-s", (3, 64), 5)
    nothing = recompute_flops(make_plan(net, head(net)))
    everything = recompute_flops(make_plan(net, full(net)))
    assert nothing == 0
    assert 0 < everything < net.flops()
    last = recompute_flops(make_plan(net, Subset({"block5.project.weight": None})))
    assert 0 < last < everything


@pytest.mark.parametrize("name", ["mlp", "mcunet-s"])
def test_bills_of_the_levers_are_those_of_single_bills(name: str) -> None:
    net: Model = build(name, SHAPES[name], 5)
    found = lever_bills(net, head(net), 6, micro_batch=2)
    alone = training_bill(net, full(net), 6).peak_bytes
    assert {key: bill.peak_bytes for key, bill in found.items()} == {
        "everything, whole batch": alone,
        "everything, 2 at once": training_bill(net, full(net), 6, micro_batch=2).peak_bytes,
        "everything, blocks run again": training_bill(net, full(net), 6, recompute=True).peak_bytes,
        "subset, whole batch": training_bill(net, head(net), 6).peak_bytes,
        "subset, 2 at once": training_bill(net, head(net), 6, micro_batch=2).peak_bytes,
        "all three": training_bill(net, head(net), 6, micro_batch=2, recompute=True).peak_bytes,
    }
    heavy = lever_bills(net, head(net), 6, accounting="tiny", momentum=0.5, correction=True)
    bill = training_bill(net, full(net), 6, "tiny", 0.5, True)
    assert heavy["everything, whole batch"] == bill
    assert "client correction" in bill.parts()
    assert "client correction" not in training_bill(net, full(net), 6).parts()
    assert bill.overhead_bytes == bill.peak_bytes - inference_peak_bytes(net, 6, "tiny")
    assert measure_peak(net, full(net), 6) == pytest.approx(alone, rel=1e-3)


def test_moments_of_a_step_are_in_the_order_of_execution() -> None:
    net = build("mlp", (1, 8, 8), 5)
    names = ["hidden1", "hidden2", "head"]
    moments = memory_course(net, full(net), 6)
    assert [one.layer for one in moments if one.stage == "forward"] == names
    assert [one.layer for one in moments if one.stage == "loss"] == ["loss"]
    back = [one.layer for one in moments if one.stage == "backward"]
    assert list(dict.fromkeys(back)) == names[::-1]
    assert not any(one.stage == "again" for one in moments)
    assert max(one.bytes for one in moments) == training_bill(net, full(net), 6).peak_bytes
    again = memory_course(net, full(net), 6, recompute=True)
    run_again = [one.layer for one in again if one.stage == "again"]
    assert run_again == ["hidden2", "hidden2.relu", "hidden1", "hidden1.relu"]
    assert [one.layer for one in again][-3:] == ["hidden1", "hidden1.relu", "hidden1"]
    short = memory_course(net, head(net), 6, "tiny", 0.5, True, micro_batch=2)
    assert [f"{one.stage} {one.layer}" for one in short][-3:] == [
        *("forward head", "loss loss", "backward head"),
    ]
    bill = training_bill(net, head(net), 6, "tiny", 0.5, True, micro_batch=2)
    assert max(one.bytes for one in short) == bill.peak_bytes
