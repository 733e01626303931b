"""Check the engine against plain loops, itself in another order or process, and its own costs."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import cross_entropy

from ftte_lab.devices import participation_times
from ftte_lab.models import Params, extract, pack, unpack
from ftte_lab.server import BudgetError, Fate, rejections
from ftte_lab.simulation import (
    Evaluated,
    Finished,
    Prepared,
    Ready,
    Scenario,
    Stepped,
    prepare,
    run,
    simulate,
)
from ftte_lab.simulation import together as together_module
from ftte_lab.simulation import trainer as trainer_module
from ftte_lab.training import LocalSGD, Updates, draw_batches

SMALL = Scenario(
    data="digits",
    model="mlp",
    clients=12,
    concurrency=6,
    buffer=3,
    batch=5,
    local_steps=3,
    client_rate=0.2,
    horizon_s=60.0,
    evaluations=20,
    budget_kib=40.0,
    warm_start_steps=0,
)


def final(scenario: Scenario | Prepared) -> Finished:
    *_, last = simulate(scenario)
    assert isinstance(last, Finished)
    return last


def same(a: Params, b: Params) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_ftte_without_its_ingredients_equals_fedavg_to_the_bit() -> None:
    fedavg = SMALL.as_method("fedavg")
    ftte = SMALL.replace(
        method="ftte",
        subset="full",
        buffer=None,
        refill="step",
        variance_exponent=0.0,
        sample_exponent=1.0,
        staleness="poly",
        age_exponent=0.5,
    )
    a, b = final(fedavg), final(ftte)
    assert same(a.params, b.params)
    pd.testing.assert_frame_equal(a.history.points, b.history.points, check_exact=True)


def test_fedavg_equals_a_plain_loop_of_rounds() -> None:
    s = SMALL.as_method("fedavg")
    prepared = prepare(s)
    w, timeline = prepared.federation, prepared.timeline
    model = {name: p.clone() for name, p in w.params.items()}
    x, y = torch.as_tensor(w.dataset.x_train), torch.as_tensor(w.dataset.y_train)
    for j in range(len(timeline.step_s)):
        members = timeline.buffer_of(j)
        sizes = np.array([len(w.shards.train[timeline.client[p]]) for p in members])
        new = {name: torch.zeros_like(p) for name, p in model.items()}
        for p, share in zip(members, sizes / sizes.sum(), strict=True):
            client = int(timeline.client[p])
            mine = {name: v.clone().requires_grad_() for name, v in model.items()}
            optimiser = torch.optim.SGD(mine.values(), lr=s.client_rate)
            shard = w.shards.train[client]
            visit = int(timeline.visit[p])
            for rows in draw_batches(
                len(shard), s.local_steps, s.batch, seed=s.seed, client=client, visit=visit
            ):
                at = torch.as_tensor(shard[rows])
                optimiser.zero_grad()
                cross_entropy(w.model.forward(mine, x[at]), y[at]).backward()
                optimiser.step()
            for name, value in mine.items():  # averaging models, not updates: the textbook's FedAvg
                new[name] += share * value.detach()
        model = new
    got = final(prepared).params
    for name in model:
        torch.testing.assert_close(got[name], model[name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", ["fedavg", "fedasync", "fedbuff", "ftte"])
def test_run_gives_the_same_numbers_in_any_order(method: str) -> None:
    s = SMALL.as_method(method)
    first = final(s)
    run(SMALL.replace(seed=5).as_method("fedbuff"))
    second = final(s)
    pd.testing.assert_frame_equal(first.history.points, second.history.points, check_exact=True)
    assert same(first.params, second.params)


@pytest.mark.parametrize("share", [None, 0.3])
def test_clients_held_back_change_no_more_than_rounding(
    share: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = SMALL.as_method("fedasync").replace(concurrency=8)
    if share:  # frozen tensors are the same in all versions
        s = s.replace(
            subset="search",
            budget_kib=1e6,
            payload_share=share,
            variance="steps",
            variance_exponent=1.0,
        )
    sizes = []
    train_stacked = LocalSGD.train_stacked

    def counted(
        self: LocalSGD, starts: Sequence[Params], counts: Sequence[int], *rest: torch.Tensor
    ) -> Updates:
        sizes.append(len(starts))
        return train_stacked(self, starts, counts, *rest)

    monkeypatch.setattr(LocalSGD, "train_stacked", counted)
    together = final(s)
    assert max(sizes) > 2
    groups = len(sizes)
    *_, shared = simulate(s, processes=2)
    assert isinstance(shared, Finished)
    assert same(shared.params, together.params)
    sizes.clear()
    for module in (trainer_module, together_module):
        monkeypatch.setattr(module, "FEW", 0)
    alone = final(s)
    assert len(sizes) > 1.2 * groups
    for name, value in together.params.items():
        torch.testing.assert_close(value, alone.params[name], rtol=1e-3, atol=1e-4)


def test_run_gives_the_same_numbers_in_another_process() -> None:
    code = (
        "import sys, json; from ftte_lab import Scenario, run;"
        "h = run(Scenario.from_json(sys.argv[1])); print(json.dumps(h.points.to_dict('list')))"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code, SMALL.to_json()], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == run(SMALL).points.to_dict("list")


def test_events_agree_with_the_timeline() -> None:
    events = list(simulate(SMALL))
    assert isinstance(events[0], Ready)
    assert isinstance(events[1], Evaluated)
    assert isinstance(events[-1], Finished)
    timeline = events[0].prepared.timeline
    steps = [e for e in events if isinstance(e, Stepped)]
    assert [e.version for e in steps] == list(range(1, len(timeline.step_s) + 1))
    assert sum(len(e.clients) for e in steps) == (timeline.fate == Fate.APPLIED).sum()
    for j, e in enumerate(steps):
        assert e.weights.sum() == pytest.approx(1)
        np.testing.assert_array_equal(e.clients, timeline.client[timeline.buffer_of(j)])
        np.testing.assert_array_equal(e.ages, j - timeline.version[timeline.buffer_of(j)])


def test_frozen_parameters_never_move() -> None:
    prepared = prepare(SMALL)
    assert prepared.choice is not None
    assert prepared.bill.peak_bytes <= 40 * 1024
    params, subset = final(prepared).params, prepared.plan.subset
    assert subset.entries(prepared.federation.model) < prepared.federation.model.size
    for name, before in prepared.federation.params.items():
        if name not in subset:
            assert torch.equal(params[name], before)
        elif (part := subset.parts[name]) is not None:
            axis = prepared.federation.model.tensors[name].axis
            frozen = [c for c in range(before.shape[axis]) if c not in part]
            index = torch.tensor(frozen)
            assert torch.equal(
                params[name].index_select(axis, index), before.index_select(axis, index)
            )


def test_bytes_are_lengths_of_real_messages() -> None:
    prepared = prepare(SMALL)
    model, subset = prepared.federation.model, prepared.plan.subset
    end = final(prepared)
    message = pack(extract(model, subset, end.params))  # other values, the same length
    assert len(message) == prepared.traffic.upload == prepared.traffic.download
    assert same(unpack(message), extract(model, subset, end.params))
    assert prepared.traffic.once == len(pack(end.params))
    last, timeline = end.history.points.iloc[-1], prepared.timeline
    at = last["sim_seconds"]
    arrived = timeline.arrival_s[np.isin(timeline.fate, (Fate.APPLIED, Fate.BUFFERED, Fate.STALE))]
    assert last["upload_bytes"] == (arrived <= at).sum() * len(message)
    started = timeline.start_s < at
    first = (started & timeline.first_visits).sum()
    assert last["first_download_bytes"] == first * prepared.traffic.once
    assert last["index_bytes"] == first * len(subset.to_json())
    assert last["download_bytes"] == (started.sum() - first) * len(message)
    parts = ["upload_bytes", "download_bytes", "first_download_bytes", "index_bytes"]
    assert last["total_bytes"] == last[parts].sum()


def test_full_model_is_downloaded_each_time() -> None:
    prepared = prepare(SMALL.as_method("fedbuff"))
    assert prepared.traffic.once == prepared.traffic.index == 0
    assert prepared.traffic.download == len(pack(prepared.federation.params))


def test_smaller_subset_makes_every_participation_shorter_and_cheaper() -> None:
    small, full = prepare(SMALL), prepare(SMALL.as_method("fedbuff"))
    assert (small.times.download_s < full.times.download_s).all()
    assert (small.times.compute_s < full.times.compute_s).all()
    assert (small.times.upload_s < full.times.upload_s).all()
    assert (small.energy_j < full.energy_j).all()


def test_times_follow_flops_and_bytes_of_the_subset() -> None:
    prepared = prepare(SMALL)
    plan, fleet = prepared.plan, prepared.federation.fleet
    flops = SMALL.local_steps * SMALL.batch * (plan.forward_flops() + plan.backward_flops())
    size = prepared.traffic.upload
    by_hand = participation_times(fleet, download_bytes=size, upload_bytes=size, flops=flops)
    np.testing.assert_allclose(prepared.times.total_s, by_hand.total_s)
    joules = fleet.compute_w * by_hand.compute_s + fleet.radio_w * (
        by_hand.download_s + by_hand.upload_s
    )
    np.testing.assert_allclose(prepared.energy_j, joules)


def test_energy_adds_up_over_participations() -> None:
    prepared = prepare(SMALL.replace(jitter=0.0, dropout=0.0))
    last = run(prepared).points.iloc[-1]
    ended = prepared.timeline.freed_s <= last["sim_seconds"]
    assert last["energy_j"] == pytest.approx(
        prepared.energy_j[prepared.timeline.client[ended]].sum()
    )


def test_broken_updates_are_counted_and_not_averaged() -> None:
    end = final(SMALL.replace(client_rate=100.0, variance_exponent=0.0).as_method("fedbuff"))
    assert end.history.facts["rejected_updates"].get("not finite", 0) > 0
    assert all(bool(torch.isfinite(p).all()) for p in end.params.values())


@pytest.mark.parametrize(
    ("reason", "broken"), [("wrong shape", "shape"), ("future version", "version")]
)
def test_updates_of_wrong_shape_or_version_are_rejected(
    monkeypatch: pytest.MonkeyPatch, reason: str, broken: str
) -> None:
    real = rejections

    def tampered(
        rows: torch.Tensor, entries: int, starts: np.ndarray, version: int, beside: Any
    ) -> list[str | None]:
        if broken == "version":
            return real(rows, entries, starts + version + 1, version, beside)
        return real(rows[:, :-1], entries, starts, version, beside)

    monkeypatch.setattr("ftte_lab.server.intake.rejections", tampered)
    prepared = prepare(SMALL)
    end = final(prepared)
    assert set(end.history.facts["rejected_updates"]) == {reason}
    assert same(end.params, prepared.federation.params)  # nothing was averaged


def test_exclude_small_leaves_out_small_devices() -> None:
    s = SMALL.replace(mix={"sensor": 0.5, "phone": 0.5}, model="mcunet-m", batch=32).as_method(
        "fedavg"
    )
    papers, strict = prepare(s), prepare(s.replace(exclude_small=True))
    assert (~papers.holds).sum() == 6
    assert papers.eligible.all()
    assert papers.data_left_out == 0
    assert (~strict.eligible).sum() == 6
    sizes = np.array([len(shard) for shard in strict.federation.shards.train])
    assert strict.data_left_out == pytest.approx(sizes[~strict.holds].sum() / sizes.sum())
    assert set(strict.timeline.client.tolist()) <= set(np.flatnonzero(strict.holds).tolist())
    with pytest.raises(ValueError, match="no device can hold a training step of"):
        prepare(s.replace(mix={"sensor": 1.0}, exclude_small=True))


def test_slow_class_is_held_by_the_slowest_clients() -> None:
    usual, rare = (prepare(SMALL.replace(alpha=0.3, slow_class=label)) for label in (None, 2))
    held = [
        prepared.federation.shards.class_counts(prepared.federation.dataset)[:, 2]
        for prepared in (usual, rare)
    ]
    fleet = rare.federation.fleet
    slowest_first = np.argsort(-fleet.slow_factor / fleet.flops_per_s, kind="stable")
    assert (np.diff(held[1][slowest_first]) <= 0).all()
    assert sorted(held[0]) == sorted(held[1])
    assert not np.array_equal(held[0], held[1])


def test_budget_below_the_floor_names_both_numbers() -> None:
    with pytest.raises(BudgetError, match=r"its floor is \d+\.\d KiB .* the budget 10\.0 KiB"):
        prepare(SMALL.replace(budget_kib=10.0))
    with pytest.raises(BudgetError, match=r"the weakest device \(sensor\)"):
        prepare(SMALL.replace(model="mcunet-m", batch=64, budget_kib=None))


@pytest.mark.parametrize("variance", ["entries", "steps", "buffer"])
@pytest.mark.parametrize("staleness", ["poly", "hinge", "exponential", "constant"])
def test_every_weight_rule_runs_and_learns(variance: str, staleness: str) -> None:
    points = run(SMALL.replace(variance=variance, staleness=staleness)).points
    assert points["loss"].iloc[-1] < points["loss"].iloc[0]


@pytest.fixture(scope="module")
def histories() -> dict[str, pd.DataFrame]:
    return {name: run(SMALL.as_method(name)).points for name in ("fedavg", "fedbuff", "ftte")}


def test_methods_start_from_the_same_point(histories: dict[str, pd.DataFrame]) -> None:
    starts = [
        points[["accuracy", "loss", "straggler_accuracy"]].iloc[0] for points in histories.values()
    ]
    for other in starts[1:]:
        pd.testing.assert_series_equal(starts[0], other, rtol=1e-6)


def test_history_axes_are_monotone(histories: dict[str, pd.DataFrame]) -> None:
    for points in histories.values():
        for axis in (
            "version",
            "sim_seconds",
            "updates",
            "upload_bytes",
            "total_bytes",
            "energy_j",
        ):
            assert points[axis].is_monotonic_increasing


def test_asynchrony_makes_more_steps_in_the_same_time(histories: dict[str, pd.DataFrame]) -> None:
    assert histories["fedbuff"]["version"].max() > histories["fedavg"]["version"].max()


def test_warm_start_refuses_a_diverged_model_and_ignores_the_batch() -> None:
    with pytest.raises(
        ValueError, match=r"the model diverged in its warm start \(client_rate = 100\); allowed: "
    ):
        prepare(SMALL.replace(data="motion", client_rate=100.0, warm_start_steps=200))
    few, many = (prepare(SMALL.replace(batch=b, warm_start_steps=20)) for b in (1, 16))
    assert few.federation.start is many.federation.start


def test_max_updates_gives_the_beginning_of_the_full_run() -> None:
    s = SMALL.replace(local_steps=4, horizon_s=400.0, evaluations=60, seed=2)
    full = final(prepare(s)).history
    short = final(prepare(s.replace(max_updates=100))).history
    assert 10 < len(short.points) < len(full.points)
    # Of buffers of three, the one that holds the hundredth is the last.
    assert short.points["updates"].iloc[-1] <= 102
    assert len(prepare(s.replace(max_updates=100)).timeline.step_s) == 34
    # Its last step may come before the last tick of the full run's grid.
    n = len(short.points) - 1
    pd.testing.assert_frame_equal(short.points.iloc[:n], full.points.iloc[:n], check_exact=True)


def test_evaluated_model_is_the_shipped_one() -> None:
    prepared = prepare(SMALL.replace(server_average=0.9))
    *events, last = simulate(prepared, processes=1)
    assert isinstance(last, Finished)
    point = next(e for e in reversed(events) if isinstance(e, Evaluated)).point
    dataset = prepared.federation.dataset
    logits = prepared.federation.model.forward(last.params, torch.as_tensor(dataset.x_test))
    right = logits.argmax(1) == torch.as_tensor(dataset.y_test)
    assert point["accuracy"] == pytest.approx(float(right.double().mean()))
