"""Runs whose devices run empty, and fleets whose weakest device is a watch."""

from __future__ import annotations

import numpy as np
import pytest

from ftte_lab import charts
from ftte_lab.lab.knob_panel import metrics
from ftte_lab.lab.settings import settings_of
from ftte_lab.server import Fate
from ftte_lab.simulation import Scenario, prepare, run
from tests.charts.conftest import png_size
from tests.tiny import TINY

POWERED = TINY.replace(batteries=True, battery_share=1e-4, horizon_s=400.0, straggler_share=0.5)
"""A sensor's share is 3 J, and a participation of the tiny net takes about a third of one."""


def test_endless_batteries_give_the_same_run() -> None:
    mains = TINY.replace(mix={"pi4": 0.5, "jetson": 0.5}, horizon_s=3.0)
    off, on = run(mains), run(mains.replace(batteries=True))
    assert set(on.points) - set(off.points) == {"survival"}
    assert (on.points["survival"] == 1).all()
    versions = on.points.drop_duplicates("version").reset_index(drop=True)
    assert versions.drop(columns="survival").equals(off.points)


def test_without_batteries_their_share_changes_nothing() -> None:
    """Batteries leave the record, the timeline and the digest of earlier editions alone."""
    plain = prepare(TINY)
    assert plain.timeline.charge is None
    assert TINY.replace(battery_share=0.5).key("federation") == TINY.key("federation")
    other = prepare(TINY.replace(battery_share=0.5)).timeline
    np.testing.assert_array_equal(other.start_s, plain.timeline.start_s)
    assert "survival" not in run(TINY).points
    assert Scenario().digest() == Scenario(batteries=False, app_memory_share=None).digest()
    with pytest.raises(ValueError, match="no batteries"):
        plain.survival(0.0)


def test_survival_falls_and_the_last_model_is_kept_to_the_end() -> None:
    history = run(POWERED)
    survival = history.points["survival"].to_numpy()
    assert (np.diff(survival) <= 0).any()
    assert survival[-1] < 0.5 < survival[0]
    assert ((survival >= 0) & (survival <= 1)).all()
    assert history.points["sim_seconds"].iloc[-1] == POWERED.horizon_s
    prepared = prepare(POWERED)
    assert survival.tolist() == [prepared.survival(t) for t in history.points["sim_seconds"]]
    starts = len(prepared.timeline)
    assert starts < len(prepare(POWERED.replace(batteries=False)).timeline)


def test_the_ledger_holds_what_the_batteries_lost() -> None:
    """No device is charged in so short a run if none has an hour at the charger."""
    sensors = POWERED.replace(mix={"sensor": 1.0})
    prepared = prepare(sensors)
    record = prepared.timeline.charge
    assert record is not None
    assert (record.batteries.charge_w == 0).all()
    lost = record.batteries.start_j - record.level_j(sensors.horizon_s)
    running = prepared.timeline.fate == Fate.RUNNING
    promised = prepared.energy_j[prepared.timeline.client[running]].sum()
    spent = run(sensors).points["energy_j"].iloc[-1]
    assert spent > 0
    assert spent == pytest.approx(lost.sum() - promised)


def test_called_off_work_is_paid_in_part_by_ledger_and_batteries() -> None:
    sensors = POWERED.as_method("fedavg").replace(mix={"sensor": 1.0}, over_select=0.5)
    prepared = prepare(sensors)
    assert (prepared.timeline.fate == Fate.ABORTED).any()
    record = prepared.timeline.charge
    assert record is not None
    lost = record.batteries.start_j - record.level_j(sensors.horizon_s)
    running = prepared.timeline.fate == Fate.RUNNING
    promised = prepared.energy_j[prepared.timeline.client[running]].sum()
    spent = run(sensors).points["energy_j"].iloc[-1]
    assert spent == pytest.approx(lost.sum() - promised)


def test_a_share_that_covers_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match=r"battery_share = 1e-06, at most .*; allowed: a share"):
        prepare(POWERED.replace(battery_share=1e-6, mix={"sensor": 1.0}))


def test_the_mix_and_the_share_move_the_budget() -> None:
    mcu = TINY.replace(budget_kib=None, mix={"sensor": 0.5, "watch": 0.5})
    budgets = {}
    for name, scenario in {
        "sensor": mcu,
        "watch": mcu.replace(app_memory_share=1e-4),
        "fitness_watch": mcu.replace(mix={"fitness_watch": 0.5, "watch": 0.5}),
    }.items():
        prepared = prepare(scenario)
        _, kind, memory = prepared.federation.fleet.weakest()
        assert kind == name
        assert prepared.bill.peak_bytes <= memory
        budgets[name] = memory
    assert budgets["watch"] < budgets["fitness_watch"] < budgets["sensor"]


def test_survival_is_a_curve_where_there_are_batteries() -> None:
    runs = {"ftte": [run(POWERED).points]}
    figure = charts.curves(runs, metric="survival", width_s=0)
    assert "devices that can still take part" in figure.alt_text
    shown = [row["y"] for row in figure.rows("curves")]
    assert shown == runs["ftte"][0]["survival"].tolist()
    assert png_size(figure)[0] > 900
    for batteries in (False, True):
        menu = dict(
            metrics(settings_of(TINY.replace(batteries=batteries), ["ftte"]))["metric"]["options"]
        )
        assert ("survival" in menu) == batteries
