"""Every public formula with the arguments that are swept in `test_extremes`.

A formula is called with its plain arguments, and then with each number and each array replaced by
an extreme one. What has no numbers of a user's is listed with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from ftte_lab import data, devices, models, server, simulation, training
from ftte_lab.data import Dataset, Shards
from ftte_lab.devices import Batteries, DeviceTrainer, Fleet, Times
from ftte_lab.models import Model
from ftte_lab.server import Contributions, Participants, Policy, Timeline
from ftte_lab.simulation import History


@dataclass(frozen=True)
class Formula:
    """A public function or class, and how it is called.

    Attributes:
        call: takes the arguments by name.
        numbers: plain numbers, each of which is swept.
        arrays: plain arrays or tensors, each of which is swept; their shape is kept.
        infinite: whether infinity is an answer, as the docstring says.
        undefined: whether nan is an answer, as the docstring says.
    """

    call: Callable[..., Any]
    numbers: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Any] = field(default_factory=dict)
    infinite: bool = False
    undefined: bool = False


@cache
def net() -> Model:
    return models.build("mlp", (1, 4, 4), 3)


@cache
def conv_net() -> Model:
    return models.build("cnn", (1, 8, 8), 3)


@cache
def samples() -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    return torch.randn(12, 1, 4, 4, generator=rng), torch.arange(12) % 3


@cache
def digits() -> Dataset:
    return data.load("digits")


@cache
def shards() -> Shards:
    return data.split(digits(), 3)


@cache
def fleet() -> Fleet:
    return devices.sample_fleet({"sensor": 0.5, "watch": 0.25, "pi4": 0.25}, 4, seed=0)


@cache
def times() -> Times:
    return devices.participation_times(fleet(), download_bytes=1e3, upload_bytes=1e3, flops=1e6)


@cache
def gains() -> Contributions:
    return server.measure(net(), net().init(0), *samples())


@cache
def timeline() -> Timeline:
    return server.schedule(Policy.buffered(2, 1), pair(), horizon_s=20.0, seed=0)


def pair() -> Participants:
    return Participants([1.0, 1.0], [2.0, 8.0], [1.0, 1.0])


def rows() -> torch.Tensor:
    return torch.tensor([[1.0, -2.0, 0.5], [0.5, 1.0, 3.0], [0.0, 0.25, -1.0]])


def ones(count: int = 3) -> np.ndarray:
    return np.ones(count)


def _variates(rows: torch.Tensor, offsets: torch.Tensor, steps: int, rate: float) -> Any:
    state = server.ControlVariates(3, 3)
    state.update([0, 1, 2], rows, offsets, steps=steps, rate=rate)
    return state.server, state.clients, state.offsets([0])


def _intake(rows: torch.Tensor, starts: np.ndarray, beside: np.ndarray) -> Any:
    intake = server.Intake(3)
    accepted = intake.accepted([0, 1, 2], [0, 0, 0], rows, starts, 1, [beside])
    return rows[torch.from_numpy(accepted)], beside[accepted], starts[accepted], intake.rejected


def _personal(x: torch.Tensor, **how: Any) -> Any:
    plan = models.make_plan(net(), models.head(net()))
    shards = [np.arange(6), np.arange(6, 12)]
    params = net().init(0)
    tuning = training.FineTuning(**{"steps": 2, "batch": 2, **how})
    return training.fine_tune(plan, params, x, samples()[1], shards, tuning), plan, params


def _fine_tuned(**how: Any) -> Any:
    quick = {k: v for k, v in how.items() if k not in ("steps", "batch")}
    tuning = training.FineTuning(**how)
    return tuning, _personal(samples()[0], **quick)[0]


def _alphas(rows: torch.Tensor) -> Any:
    plan = models.make_plan(net(), models.head(net()))
    own = [np.arange(2)] * 2
    return training.choose_alpha(plan, net().init(0), rows, *samples(), own)


def _own_models(x: np.ndarray) -> Any:
    plan = models.make_plan(net(), models.head(net()))
    shards, quick = [np.arange(6), np.arange(6, 12)], training.FineTuning(steps=2, batch=2)
    return training.own_models(plan, net().init(0), x, samples()[1].numpy(), shards, quick)


def _quantile(share_below: float, **numbers: float) -> float:
    moving = server.MovingQuantile(**numbers)
    moving.move(share_below)
    return moving.value


def _mask(entries: int) -> Any:
    masker = server.Masker(bytes(range(32)))
    return (
        masker.mask([masker.public], entries)
        if not isinstance(entries, int) or entries < 10**6
        else ()
    )


def _kind(**numbers: Any) -> Any:
    given = {key: getattr(devices.CATALOGUE["watch"], key) for key in WATCH} | numbers
    kind = devices.DeviceKind("mine", sources=dict.fromkeys(WATCH, "mine"), **given)
    return kind, kind.memory_bytes, kind.ms_per_sample(1e6)


WATCH = (
    "ram_bytes",
    "app_memory_share",
    "flops_per_s",
    "downlink_bps",
    "uplink_bps",
    "compute_w",
    "radio_w",
    "dropout",
    "battery_j",
    "charge_w",
    "charge_h",
)


def _batteries(at_s: float, need_j: float, **columns: np.ndarray) -> Any:
    made = Batteries(**columns)
    return made.after(slice(None), made.start_j, 0.0, at_s), made.ready_s(0, 1.0, 0.0, need_j)


def _step(x: torch.Tensor, rows: torch.Tensor, coefficients: np.ndarray, **rule: Any) -> Any:
    given: dict[str, Any] = {"by_age": ones(), "starts": torch.zeros(3, 3)}
    return [
        server.server_step(x, rows, coefficients, server.StepRule(combine, mean, **rule), **given)
        for combine in server.COMBINATIONS
        for mean in server.MEANS
    ]


def _packed(row: torch.Tensor) -> Any:
    out = []
    for bits in models.BITS:
        form = models.RowFormat({"a.weight": (1, 2), "a.bias": (1,)}, bits)
        received = form.unpack(form.pack(row.float()))
        out += [
            received[k]
            for k, why in enumerate(server.rejections(received[:, None], 1, [0] * 3, 0))
            if not why
        ]
    return out


def _cohort(x: torch.Tensor, **options: Any) -> Any:
    plan = models.make_plan(net(), models.head(net()))
    batches = torch.tensor([[[0, 1], [2, 3]], [[4, 5], [6, 7]]])
    track = ("losses", "variance") if not options["momentum"] else ("losses",)
    done = training.train_cohort(
        plan, net().init(0), x, samples()[1], batches, track=track, **options
    )
    beside = [done.step_variance] if "variance" in track else []
    reasons = server.rejections(done.rows, done.rows.shape[1], [0, 0], 0, beside)
    return [done.rows[k] for k, reason in enumerate(reasons) if reason is None]


def _trained(rate: float, momentum: float, proximal: float) -> Any:
    trainer = DeviceTrainer(
        net(), net().init(0), models.head(net()), rate=rate, momentum=momentum, proximal=proximal
    )
    trainer.step(*samples())
    row = models.to_rows(trainer.result())
    return [row] if server.rejections(row[None], len(row), [0], 0) == [None] else []


def _history(accuracy: np.ndarray, target: float, width_s: float) -> Any:
    times = [0.0, 5.0, 10.0][: len(accuracy)]
    points = pd.DataFrame({"sim_seconds": times, "accuracy": accuracy})
    history = History({"horizon_s": 10.0}, points, {})
    again = History.from_json(history.to_json())
    np.testing.assert_array_equal(again.points["accuracy"], points["accuracy"])
    return history.time_to(target, width_s=width_s)


def _measured(x: torch.Tensor, exponent: float, ratio: float) -> Any:
    return [
        server.measure(
            net(), net().init(0), x, samples()[1], kind, ratios=(ratio, 1.0), exponent=exponent
        ).gain
        for kind in server.MEASURES
    ]


def _memory(model: Model, **options: Any) -> Any:
    return devices.memory_model(model, **options).floor_bytes


def _snapshot(sim_seconds: float, clients: int) -> Any:
    return server.snapshot(timeline(), clients, sim_seconds)


def _redraws(at: float, index_s: np.ndarray, catch_up_s: np.ndarray) -> Any:
    made = server.Redraws((at,), [pair()], {(0, 1): catch_up_s}, index_s)
    return server.schedule(Policy.buffered(2, 1), pair(), horizon_s=20.0, seed=0, redraws=made)


def _choose(budget_bytes: int, max_entries: int, seed: int, **more: Any) -> Any:
    memory = devices.memory_model(net(), 4)
    return [
        server.choose(
            gains(), memory, budget_bytes, solver=solver, max_entries=max_entries, seed=seed
        )
        for solver in ("exact", "greedy", "random")
    ]


def _auto(budget_bytes: int) -> Any:
    memory = partial(devices.memory_model, conv_net(), 4)
    largest = server.largest_micro_batch(memory, models.full(conv_net()), budget_bytes)
    return largest or 4


def _auto_choose(budget_bytes: int) -> Any:
    return server.choose_with_micro_batch(
        gains(), partial(devices.memory_model, net(), 4), budget_bytes
    ).value


def _contributions(gain: float, exponent: float) -> Any:
    made = Contributions("mine", {}, {"a.bias": {1: gain}}, {}, exponent)
    return made.value({"a.bias": 1}), made.value_of(models.Subset({"a.bias": None}))


def _neglect(cap: float) -> Any:
    none = server.Neglect.none(net())
    return none.after(models.head(net())).reweighted(gains(), cap).gain


def _labels(classes: int, seed: int) -> Any:
    faulty = np.array([True, False])
    return devices.random_labels(
        np.zeros(4, int), [np.arange(2), np.arange(2, 4)], faulty, classes, seed
    )


def _messages(updates: torch.Tensor, seed: int) -> Any:
    out = []
    for fault in devices.FAULTS:
        sent = devices.FaultyMessages(fault, np.ones(3, bool), seed).sent(
            np.arange(3), np.zeros(3, int), [updates]
        )
        reasons = server.rejections(sent[0], 3, [0] * 3, 0)
        out += [sent[0][k] for k, reason in enumerate(reasons) if reason is None]
    return out


def _fleet_of(**columns: np.ndarray) -> Any:
    return devices.participation_times(fleet(), **columns)


def _policies(concurrency: int, buffer: int, max_staleness: int, over_select: float) -> Any:
    return [
        Policy(concurrency, buffer, "arrival", max_staleness),
        Policy.synchronous(concurrency, over_select),
        Policy.buffered(concurrency, buffer),
    ]


AGES: Mapping[str, Any] = {"age": np.array([0.0, 3.0, 9.0])}
FORMULAS: Mapping[str, Formula] = {
    "data.split": Formula(
        lambda **k: data.split(digits(), by="label", **k), {"clients": 3, "alpha": 0.5, "seed": 0}
    ),
    "data.load": Formula(
        lambda **k: len(data.load("digits", **k).y_train),
        {"people": 3, "samples_per_person": 9, "seed": 0},
    ),
    "data.motion_tests": Formula(
        lambda **k: data.motion_tests(**k)[1], {"people": 3, "samples_per_person": 9, "seed": 0}
    ),
    "data.new_people": Formula(
        lambda **k: data.new_people(**k).x, {"people": 3, "samples": 5, "tests": 4, "seed": 0}
    ),
    "data.new_mixes": Formula(
        lambda **k: data.new_mixes(digits(), **k).weights,
        {"people": 3, "samples": 5, "alpha": 0.5, "seed": 0},
    ),
    "data.divide_by_label": Formula(
        lambda shares: data.divide_by_label(np.zeros(8, int), shares, np.random.default_rng(0)),
        arrays={"shares": np.array([[0.75, 0.25]])},
    ),
    "data.assign_class_to_slowest": Formula(
        lambda label: data.assign_class_to_slowest(np.arange(3), shards(), digits(), label),
        {"label": 1},
    ),
    "models.build": Formula(lambda **k: models.build("mlp", (1, 4, 4), **k).size, {"classes": 3}),
    "models.last_blocks": Formula(partial(models.last_blocks, conv_net()), {"count": 1}),
    "models.channels_at_ratio": Formula(models.channels_at_ratio, {"channels": 8, "ratio": 0.5}),
    "models.at_ratio": Formula(
        lambda ratio: models.at_ratio(net(), net().init(0), {"hidden1.weight": ratio}),
        {"ratio": 0.5},
    ),
    "models.channel_order": Formula(
        partial(models.channel_order, net(), "head.weight"),
        arrays={"weight": torch.ones(net().tensors["head.weight"].shape)},
    ),
    "models.RowFormat": Formula(_packed, arrays={"row": torch.tensor([0.5, -1.0, 3.0])}),
    "devices.DeviceKind": Formula(
        _kind, {key: getattr(devices.CATALOGUE["watch"], key) for key in WATCH}, infinite=True
    ),
    "devices.Batteries": Formula(
        _batteries,
        {"at_s": 10.0, "need_j": 2.0},
        {
            "capacity_j": np.array([9.0]),
            "start_j": np.array([4.0]),
            "charge_w": np.array([0.5]),
            "plug_s": np.array([10.0]),
            "plugged_s": np.array([6.0]),
        },
        infinite=True,
    ),
    "devices.draw_batteries": Formula(
        lambda **k: devices.draw_batteries(fleet(), **k), {"share": 0.1, "seed": 0}, infinite=True
    ),
    "devices.sample_fleet": Formula(
        lambda sensor, **k: devices.sample_fleet({"sensor": sensor, "watch": 0.5}, **k).slow_factor,
        {
            "sensor": 0.5,
            "clients": 4,
            "straggler_share": 0.5,
            "straggler_factor": 2.0,
            "dropout": 0.1,
            "app_memory_share": 0.5,
            "seed": 0,
        },
    ),
    "devices.participation_times": Formula(
        _fleet_of,
        {"download_bytes": 1e3, "upload_bytes": 1e3, "flops": 1e6},
    ),
    "devices.energy_j": Formula(
        lambda **k: devices.energy_j(fleet(), Times(**k)),
        arrays={name: np.ones(4) for name in ("download_s", "compute_s", "upload_s")},
    ),
    "devices.slowest": Formula(lambda share: devices.slowest(share, times()), {"share": 0.5}),
    "devices.faulty_clients": Formula(
        devices.faulty_clients, {"clients": 4, "share": 0.5, "seed": 0}
    ),
    "devices.random_labels": Formula(_labels, {"classes": 3, "seed": 0}),
    "devices.FaultyMessages": Formula(_messages, {"seed": 0}, {"updates": rows()}),
    "devices.LocalStep": Formula(
        lambda **k: devices.LocalStep(**k).at_once, {"batch": 4, "micro_batch": 2}
    ),
    "devices.part_sizes": Formula(devices.part_sizes, {"samples": 8, "micro_batch": 3}),
    "devices.memory_model": Formula(partial(_memory, net()), {"batch": 4, "micro_batch": 2}),
    "devices.training_bill": Formula(
        lambda **k: devices.training_bill(net(), models.full(net()), **k),
        {"batch": 4, "momentum": 0.5, "micro_batch": 2},
    ),
    "devices.memory_course": Formula(
        lambda **k: devices.memory_course(net(), models.full(net()), **k)[0].bytes,
        {"batch": 4, "momentum": 0.0, "micro_batch": 2},
    ),
    "devices.lever_bills": Formula(
        lambda **k: devices.lever_bills(net(), models.head(net()), **k),
        {"batch": 4, "momentum": 0.5, "micro_batch": 2},
    ),
    "devices.inference_peak_bytes": Formula(
        partial(devices.inference_peak_bytes, net()), {"batch": 4}
    ),
    "devices.measure_peak": Formula(
        lambda **k: devices.measure_peak(net(), models.head(net()), **k),
        {"batch": 4, "momentum": 0.5, "steps": 1, "micro_batch": 2},
    ),
    "devices.measure_inference_peak": Formula(
        partial(devices.measure_inference_peak, net()), {"batch": 4}
    ),
    "devices.measure_trainer_peak": Formula(
        lambda **k: devices.measure_trainer_peak(
            DeviceTrainer(net(), net().init(0), models.head(net()), rate=0.1), **k
        ),
        {"batch": 4, "steps": 1},
    ),
    "devices.DeviceTrainer": Formula(_trained, {"rate": 0.1, "momentum": 0.5, "proximal": 0.1}),
    "training.chunk_sizes": Formula(training.chunk_sizes, {"clients": 7, "most": 3}),
    "training.clients_at_once": Formula(
        lambda batch: training.clients_at_once(models.make_plan(net(), models.full(net())), batch),
        {"batch": 4},
    ),
    "training.draw_batches": Formula(
        training.draw_batches,
        {"samples": 6, "steps": 2, "batch": 2, "seed": 0, "client": 1, "visit": 0},
    ),
    "training.draw_many": Formula(
        lambda **k: training.draw_many(client=[0, 1], visit=[0, 0], **k),
        {"steps": 2, "batch": 2, "seed": 0},
        {"samples": np.array([6, 7])},
    ),
    "training.train_cohort": Formula(
        _cohort, {"rate": 0.1, "momentum": 0.0, "proximal": 0.1}, {"x": samples()[0]}
    ),
    "training.FineTuning": Formula(
        _fine_tuned, {"steps": 2, "batch": 2, "rate": 0.1, "pull": 0.1, "seed": 0}
    ),
    "training.fine_tune": Formula(lambda x: _personal(x)[0], arrays={"x": samples()[0]}),
    "training.choose_alpha": Formula(
        _alphas, arrays={"rows": torch.zeros(2, models.head(net()).entries(net()))}
    ),
    "training.own_models": Formula(
        lambda x: _own_models(x.numpy()).rows, arrays={"x": samples()[0]}
    ),
    "training.own_parts": Formula(
        lambda **k: training.own_parts([np.arange(9)], **k), {"share": 0.2, "seed": 0}
    ),
    "training.first_samples": Formula(
        lambda **k: training.first_samples([np.arange(9)], **k), {"count": 3, "seed": 0}
    ),
    "training.gain_summary": Formula(
        training.gain_summary, {"seed": 0}, {"before": ones() / 2, "after": ones()}
    ),
    "training.gain_by": Formula(
        lambda **k: training.gain_by(groups=["a", "b", "a"], **k),
        {"seed": 0},
        {"before": ones() / 2, "after": ones()},
    ),
    "training.mixed_accuracies": Formula(
        lambda mix: training.mixed_accuracies(np.ones((1, 2)), np.arange(2), mix),
        arrays={"mix": np.array([[0.5, 0.5]])},
    ),
    "training.accuracy_interval": Formula(training.accuracy_interval, {"right": 3, "total": 10}),
    "server.staleness_weight": Formula(
        lambda age, **k: [server.staleness_weight(age, kind, **k) for kind in server.STALENESS],
        {"exponent": 0.5, "hinge_at": 6.0},
        AGES,
    ),
    "server.WeightRule": Formula(
        lambda **k: [
            server.weights(
                [0, 5, 9], [1.0, 2.0, 0.0], [5, 1, 9], server.WeightRule(kind, normalise=norm, **k)
            )
            for kind in server.STALENESS
            for norm in server.NORMALISATIONS
        ],
        {"age_exponent": 0.5, "hinge_at": 6.0, "variance_exponent": 1.0, "sample_exponent": 1.0},
    ),
    "server.weights": Formula(
        lambda **k: [
            server.weights(rule=server.WeightRule(sample_exponent=1.0, normalise=norm), **k)
            for norm in server.NORMALISATIONS
        ],
        {"variance_ref": 1.0},
        {**AGES, "variance": ones(), "samples": ones()},
    ),
    "server.variance_entries": Formula(server.variance_entries, arrays={"rows": rows()}),
    "server.variance_buffer": Formula(
        server.variance_buffer, arrays={"rows": rows(), "by_age": ones()}
    ),
    "server.combine": Formula(
        server.combine,
        {"server_rate": 1.0},
        {
            "x": torch.ones(3),
            "rows": rows(),
            "coefficients": ones() / 3,
            "covered": torch.ones(3, 3),
        },
    ),
    "server.robust_mean": Formula(
        server.robust_mean,
        {"trim": 0.2},
        {"rows": rows(), "coefficients": ones(), "covered": torch.ones(3, 3)},
    ),
    "server.StepRule": Formula(
        lambda **k: _step(torch.ones(3), rows(), ones() / 3, **k), {"trim": 0.2, "server_rate": 1.0}
    ),
    "server.server_step": Formula(
        _step, arrays={"x": torch.ones(3), "rows": rows(), "coefficients": ones() / 3}
    ),
    "server.rejections": Formula(
        lambda rows, starts: [
            r for r in server.rejections(rows, 3, starts, 1) if r not in server.REASONS
        ],
        arrays={"rows": rows(), "starts": np.zeros(3)},
    ),
    "server.Intake": Formula(
        _intake, arrays={"rows": rows(), "starts": np.zeros(3), "beside": ones()}
    ),
    "server.ControlVariates": Formula(
        _variates, {"steps": 2, "rate": 0.1}, {"rows": rows(), "offsets": torch.zeros(3, 3)}
    ),
    "server.ClientCorrection": Formula(
        lambda **k: server.ClientCorrection("mine", "mine", **k),
        {"messages": 1, "state_vectors": 1},
    ),
    "server.measure": Formula(_measured, {"exponent": 1.0, "ratio": 0.5}, {"x": samples()[0]}),
    "server.Contributions": Formula(_contributions, {"gain": 1.0, "exponent": 0.5}),
    "server.choose": Formula(_choose, {"budget_bytes": 20_000, "max_entries": 5_000, "seed": 0}),
    "server.choose_with_micro_batch": Formula(_auto_choose, {"budget_bytes": 20_000}),
    "server.largest_micro_batch": Formula(_auto, {"budget_bytes": 20_000}),
    "server.Neglect": Formula(_neglect, {"cap": 2.0}),
    "server.neglect_cap": Formula(
        server.neglect_cap, {"entries": 1000, "head": 50, "trained": 250}, infinite=True
    ),
    "server.Participants": Formula(
        lambda **k: server.schedule(
            Policy.buffered(2, 1), Participants(**k), horizon_s=9.0, seed=0, max_steps=9
        ),
        arrays={
            "download_s": np.ones(2),
            "compute_s": np.ones(2),
            "upload_s": np.ones(2),
            "first_download_s": np.ones(2),
            "dropout": np.zeros(2),
            "energy_j": np.ones(2),
        },
    ),
    "server.Policy": Formula(
        _policies, {"concurrency": 4, "buffer": 2, "max_staleness": 3, "over_select": 0.3}
    ),
    "server.Redraws": Formula(
        _redraws, {"at": 0.5}, {"index_s": np.ones((2, 2)), "catch_up_s": np.ones(2)}
    ),
    "server.schedule": Formula(
        lambda **k: server.schedule(Policy.buffered(2, 1), pair(), **k),
        {"horizon_s": 20.0, "seed": 0, "jitter_sigma": 0.5, "max_steps": 3},
    ),
    "server.snapshot": Formula(_snapshot, {"sim_seconds": 5.0, "clients": 2}),
    "server.epsilon": Formula(
        lambda **k: [server.epsilon(how=how, **k) for how in ("zcdp", "exact")],
        {"noise_multiplier": 8.0, "delta": 1e-5},
        {"participations": np.array([0.0, 3.0, 37.0])},
        infinite=True,
    ),
    "server.clip_rows": Formula(server.clip_rows, {"clip_norm": 1.0}, {"rows": rows()}),
    "server.own_weights": Formula(
        lambda **k: server.own_weights(rule=server.WeightRule(sample_exponent=1.0), **k),
        {"variance_ref": 1.0, "samples_ref": 40.0},
        {**AGES, "variance": ones(), "samples": ones()},
    ),
    "server.noise_row": Formula(
        server.noise_row,
        {"entries": 3, "clip_norm": 1.0, "noise_multiplier": 2.0, "seed": 0, "step": 0},
    ),
    "server.noise_to_clip": Formula(
        server.noise_to_clip, {"noise_multiplier": 4.0, "entries": 100, "updates": 10}
    ),
    "server.split_noise": Formula(server.split_noise, {"noise_multiplier": 4.0, "share": 0.05}),
    "server.MovingQuantile": Formula(
        _quantile, {"value": 1.0, "quantile": 0.5, "rate": 0.2, "share_below": 0.3}
    ),
    "server.largest_entry": Formula(server.largest_entry, {"group": 3}),
    "server.encode": Formula(server.encode, {"group": 3}, {"values": ones()}),
    "server.decode": Formula(server.decode, arrays={"total": np.zeros(3, np.uint32)}),
    "server.masked_sum": Formula(
        lambda rows, lost: server.masked_sum(rows, [lost]), {"lost": 2}, {"rows": np.ones((3, 3))}
    ),
    "server.Masker": Formula(_mask, {"entries": 3}),
    "simulation.History": Formula(
        _history,
        {"target": 0.5, "width_s": 1.0},
        {"accuracy": np.array([0.0, 0.5, 1.0])},
    ),
    "simulation.smooth": Formula(
        simulation.smooth,
        {"width_s": 1.0},
        {"times": np.array([0.0, 1.0, 2.0]), "values": np.array([0.0, 1.0, 0.0])},
        infinite=True,
        undefined=True,
    ),
    "simulation.smoothing_width_s": Formula(
        simulation.smoothing_width_s, {"horizon_s": 10.0, "evaluations": 5}
    ),
    "simulation.first_reached": Formula(
        simulation.first_reached,
        {"target": 0.5, "width_s": 1.0},
        {"times": np.array([0.0, 1.0, 2.0]), "smoothed": np.array([0.0, 1.0, 0.0])},
    ),
    "simulation.faster": Formula(simulation.faster, {"baseline": 10.0, "other": 5.0}),
    "simulation.saved": Formula(simulation.saved, {"baseline": 10.0, "other": 5.0}, undefined=True),
}
"""By package and name."""

_RECORD = "a record that the kit fills in"
_SHAPE = "of shapes and names alone"
_TEXT = "of texts, files or other code"
_ABOVE = "through the settings, which tests/simulation sweeps"
_COHORT = "behind training.train_cohort, whose updates the server's intake checks"
_OF_FORMULA = "one of the parts of a formula above"
WITHOUT: Mapping[str, str] = {
    **dict.fromkeys(("data.Dataset", "data.Shards", "devices.Fleet", "devices.Times"), _RECORD),
    **dict.fromkeys(("data.Newcomers", "training.OwnModels"), _RECORD),
    **dict.fromkeys(
        ("devices.MemoryBill", "devices.MemoryModel", "devices.Moment", "training.Updates"), _RECORD
    ),
    **dict.fromkeys(
        ("server.Choice", "server.Snapshot", "server.Timeline", "server.Fate"), _RECORD
    ),
    **dict.fromkeys(("models.TensorInfo", "models.Model", "models.Plan", "models.Op"), _SHAPE),
    **dict.fromkeys(
        (f"models.{name}" for name in ("Conv", "Fork", "GlobalAvgPool", "GroupNorm", "Join")),
        _SHAPE,
    ),
    **dict.fromkeys(("models.Linear", "models.MaxPool", "models.ReLU", "models.Builder"), _SHAPE),
    **dict.fromkeys(("models.Subset", "models.biases", "models.consumer", "models.frozen"), _SHAPE),
    **dict.fromkeys(
        ("models.full", "models.head", "models.make_plan", "models.norm_sizes"), _SHAPE
    ),
    **dict.fromkeys(("models.conv_geometry", "models.pool_window", "models.index_bytes"), _SHAPE),
    **dict.fromkeys(("models.validated_subset", "devices.Decision", "devices.decisions"), _SHAPE),
    **dict.fromkeys(("devices.mask_links", "devices.recompute_flops"), _SHAPE),
    **dict.fromkeys(
        ("models.extract", "models.flatten_trained", "models.from_rows"), "copies values"
    ),
    **dict.fromkeys(
        ("models.insert", "models.to_rows", "models.pack", "models.unpack"), "copies values"
    ),
    **dict.fromkeys(
        ("models.infer", "models.group_norm", "models.max_pool"), "a net's own arithmetic"
    ),
    **dict.fromkeys(("training.FrozenFeatures", "training.FrozenInputs"), "a net's own arithmetic"),
    **dict.fromkeys(("training.LocalSGD", "training.StackedNet"), _COHORT),
    **dict.fromkeys(("training.logits_gradient", "training.minus_one_hot"), _COHORT),
    "training.gather_batches": "copies values",
    "training.GainSummary": _RECORD,
    "training.own_accuracies": "a mean of marks",
    **dict.fromkeys(
        (f"training.personal_{n}" for n in ("params", "part", "right")), "a net's own arithmetic"
    ),
    **dict.fromkeys(
        ("data.Source", "data.cache_path", "data.data_home", "data.data_path", "data.fetch"), _TEXT
    ),
    **dict.fromkeys(("data.own_content", "data.own_data"), _TEXT),
    "data.OwnData": _RECORD,
    **dict.fromkeys(
        ("server.poly", "server.hinge", "server.exponential", "server.constant"),
        "behind server.staleness_weight, which checks what goes in and what comes out",
    ),
    **dict.fromkeys(("server.CorrectionState", "server.OverflowStepError"), _OF_FORMULA),
    **dict.fromkeys(("server.Problem", "server.memory_constraints"), "behind server.choose"),
    "server.Clock": "behind server.schedule",
    "server.MaskedSum": _RECORD,
    "server.masked_message": "behind server.masked_sum",
    "server.sum_of_messages": _TEXT,
    "server.require_finite": "behind server.server_step",
    "server.BudgetError": "behind server.choose",
    **dict.fromkeys(
        (f"simulation.{n}" for n in ("Evaluated", "Federation", "Finished", "Ready")), _RECORD
    ),
    **dict.fromkeys(
        (f"simulation.{n}" for n in ("Prepared", "Stepped", "Tier", "Tiers", "Traffic")), _RECORD
    ),
    **dict.fromkeys(
        (f"simulation.{n}" for n in ("Scenario", "federation", "policy", "prepare")), _ABOVE
    ),
    **dict.fromkeys(
        (f"simulation.{n}" for n in ("run", "simulate", "evaluation_versions")), _ABOVE
    ),
    **dict.fromkeys(
        (f"simulation.{n}" for n in ("Race", "RemoteRun", "expected_seconds", "warm_up")), _ABOVE
    ),
    **dict.fromkeys(("simulation.code_state", "simulation.keep_prepared"), _ABOVE),
    **dict.fromkeys(
        (f"simulation.{n}" for n in ("client_data", "client_labels", "faulty_of")), _ABOVE
    ),
    **dict.fromkeys(
        (f"simulation.{n}" for n in ("GlobalModel", "Recorder", "CostLedger", "Rounding")), _ABOVE
    ),
    **dict.fromkeys(
        (f"simulation.{n}" for n in ("local_optimiser", "entry_places", "trained_together")), _ABOVE
    ),
    "simulation.BufferedUpdates": _RECORD,
    "simulation.packed_update": "behind models.RowFormat",
    **dict.fromkeys((f"simulation.{n}" for n in ("Knob", "Method", "Setting", "setting")), _TEXT),
    "simulation.settings_page": _TEXT,
}
"""What is not swept, with the reason."""
