"""The numbers behind the sentences of the lessons, each for one seed."""

from __future__ import annotations

import numpy as np
import torch

from ftte_lab import measure_peak, prepare, simulate, training_bill
from ftte_lab.course import LIMITS, judge, lesson, likeness, one_round, read_inputs, recovered
from ftte_lab.experiments import newcomers, personalise, server_views
from ftte_lab.models import from_rows, full
from ftte_lab.server import STEP, noise_row
from ftte_lab.simulation import Finished, History, Prepared
from ftte_lab.training import FineTuning, GainSummary, train_cohort
from tests.claims.claim import history, scenario_of


def time_saved(seed: int) -> float:
    fedavg, ftte = (history(scenario_of("00", name, seed)) for name in ("fedavg", "ftte"))
    target = fedavg.best()
    base, time_s = fedavg.time_to(target), ftte.time_to(target)
    return 100 * (1 - time_s / base) if time_s is not None and base else -100.0


def averaged_model_ahead(seed: int) -> float:
    prepared = prepare(scenario_of("01", "fedavg", seed))
    model, gap = None, 0.0
    for number in range(10):
        done = one_round(prepared, model, number=number)
        model, gap = done.params, 100 * (done.accuracy - done.mean_client_accuracy)
    return gap


def accuracy_after(record: History, rounds: int) -> float:
    until = record.points[record.points["version"] <= rounds]
    return 100 * float(until["accuracy"].tail(3).mean())


def accuracy_at(record: History, rounds: int) -> float:
    """Return the last one before more rounds are done: no mean, for the curve is steep here."""
    until = record.points[record.points["version"] <= rounds]
    return 100 * float(until["accuracy"].iloc[-1])


def skewed(seed: int, alpha: float | None) -> tuple[History, History]:
    """Return runs of lesson 02 with 4 and with 64 local steps."""
    few, many = (
        history(scenario_of("02", "fedavg", seed, alpha=alpha, local_steps=s)) for s in (4, 64)
    )
    return few, many


def lost_at_equal_work(seed: int, alpha: float | None) -> float:
    few, many = skewed(seed, alpha)
    return accuracy_at(few, 80) - accuracy_at(many, 5)


def extra_loss_of_non_iid(seed: int) -> float:
    return lost_at_equal_work(seed, 0.1) - lost_at_equal_work(seed, None)


def gained_at_equal_rounds(seed: int) -> float:
    gains = []
    for alpha in (None, 0.1):
        few, many = skewed(seed, alpha)
        gains.append(accuracy_after(many, 20) - accuracy_after(few, 20))
    return min(gains)


def training_times_inference(seed: int) -> float:
    """Return how many times the bytes of inference on one sample a training step holds."""
    bill = prepare(scenario_of("03", "fedavg", seed)).bill
    return bill.peak_bytes / bill.inference_one_bytes


def stored_share(seed: int) -> float:
    bill = prepare(scenario_of("03", "fedavg", seed)).bill
    return 100 * bill.parts()["stored activations"] / bill.peak_bytes


def stored_share_dense(seed: int) -> float:
    model = prepare(scenario_of("03", "fedavg", seed, model="mlp")).federation.model
    bill = training_bill(model, full(model), 8)
    return 100 * bill.parts()["stored activations"] / bill.peak_bytes


def error_of_bill(seed: int) -> float:
    """Return it for the subset that the search chose, in percent of the measured peak."""
    prepared = prepare(scenario_of("03", "ftte", seed))
    subset, batch = prepared.plan.subset, prepared.scenario.batch
    measured = measure_peak(prepared.federation.model, subset, batch)
    return 100 * abs(prepared.bill.peak_bytes / measured - 1)


def end_of_search(seed: int, solver: str, kib: float, shipped: int) -> float:
    changes = {"solver": solver, "budget_kib": kib, "warm_start_steps": shipped}
    return 100 * history(scenario_of("04", "ftte", seed, **changes)).final()


def search_ahead_of_last_layers(seed: int, shipped: int) -> float:
    return end_of_search(seed, "exact", 160.0, shipped) - end_of_search(
        seed, "last", 160.0, shipped
    )


def budget_ahead_of_search(seed: int) -> float:
    return end_of_search(seed, "last", 512.0, 0) - end_of_search(seed, "exact", 160.0, 0)


def round_seconds(seed: int, share: float) -> float:
    timeline = prepare(scenario_of("05", "fedavg", seed, straggler_share=share)).timeline
    return float(np.median(np.diff([0.0, *timeline.step_s])))


def round_times_as_long(seed: int) -> float:
    return round_seconds(seed, 0.1) / round_seconds(seed, 0.0)


def apart_per_update(seed: int) -> float:
    """Return it at the end of the slow run; what the healthy run does after that is not read."""
    slow = history(scenario_of("05", "fedavg", seed, straggler_share=0.1)).points
    last = int(slow["updates"].iloc[-1])
    healthy = history(scenario_of("05", "fedavg", seed, max_updates=last)).points
    ends = [float(points["accuracy"].tail(3).mean()) for points in (healthy, slow)]
    return 100 * abs(ends[0] - ends[1])


def near_five_minutes(record: History) -> float:
    near = record.points[(record.points["sim_seconds"] - 300).abs() < 60]
    return 100 * float(near["accuracy"].mean())


def noise(record: History) -> float:
    late = record.points["accuracy"].to_numpy()[len(record.points) // 2 :]
    line = np.polyval(np.polyfit(range(len(late)), late, 1), range(len(late)))
    return 100 * float(np.std(late - line))


def buffers(seed: int) -> tuple[History, History]:
    """Return runs of lesson 06 with K = 3 and with K = 30."""
    small, large = (history(scenario_of("06", "ftte", seed, buffer=k)) for k in (3, 30))
    return small, large


def small_buffer_behind(seed: int) -> float:
    small, large = buffers(seed)
    return near_five_minutes(large) - near_five_minutes(small)


def times_as_noisy(seed: int) -> float:
    small, large = buffers(seed)
    return noise(small) / noise(large)


def noise_falls_with_the_rate(seed: int) -> float:
    """Return how much less noisy K = 3 is if the server rate is scaled by K, in points."""
    base = scenario_of("06", "ftte", seed)
    usual = base.buffer or base.concurrency
    scaled = base.replace(buffer=3, server_rate=base.server_rate * 3 / usual)
    return noise(buffers(seed)[0]) - noise(history(scaled))


def cohort_buffer_differs_from_fedavg(seed: int) -> float:
    as_fedavg = {
        "subset": "full",
        "normalise": "sum",
        "variance_exponent": 0.0,
        "sample_exponent": 1.0,
        "server_rate": 1.0,
    }
    base = scenario_of("06", "ftte", seed)
    cohort = {"buffer": base.concurrency, "refill": "step", "age_exponent": 0.5}
    short = {"horizon_s": 600.0}  # of two equal curves any part will do
    buffered = history(base.replace(**as_fedavg, **cohort, **short)).points["accuracy"]
    synchronous = lesson("06").set(server_rate=1.0, **short).run("fedavg", seed)
    plain = history(synchronous).points["accuracy"]
    return float(np.abs(buffered.to_numpy() - plain.to_numpy()).max())


def weighted_by_age(seed: int, exponent: float, rate: float) -> History:
    changes = {"age_exponent": exponent, "server_rate": rate}
    return history(scenario_of("07", "fedbuff", seed, **changes))


def end_of_sum(seed: int, rate: float) -> float:
    """Return it for weights by age that are divided by their sum, as FTTE does."""
    changes = {"age_exponent": 0.5, "server_rate": rate, "normalise": "sum"}
    return 100 * history(scenario_of("07", "fedbuff", seed, **changes)).final()


def end_of_weighting(seed: int, exponent: float, rate: float) -> float:
    return 100 * weighted_by_age(seed, exponent, rate).final()


def weighting_gains(seed: int) -> float:
    best = {a: max(end_of_weighting(seed, a, rate) for rate in (0.5, 1.0, 2.0)) for a in (0.0, 0.5)}
    return best[0.5] - best[0.0]


def slowest_tenth_loses(seed: int) -> float:
    """Return what an age exponent of 3 costs where the slow devices hold most of one class."""
    ends = [
        history(
            scenario_of("07", "fedbuff", seed, age_exponent=a, server_rate=1.0, slow_class=0)
        ).final("straggler_accuracy")
        for a in (0.0, 3.0)
    ]
    return 100 * (ends[0] - ends[1])


def worst_tenth_loses(seed: int) -> float:
    ends = [weighted_by_age(seed, a, 1.0).final("worst_decile_accuracy") for a in (0.0, 3.0)]
    return 100 * (ends[0] - ends[1])


def ftte_ahead_of(other: str, seed: int) -> float:
    ours, theirs = (history(scenario_of("08", name, seed)) for name in ("ftte", other))
    return 100 * (ours.final() - theirs.final())


def on_slowest(seed: int, held: int | None, method: str, **changes: object) -> float:
    """Return the accuracy on the slowest tenth of the devices, which hold a class or do not."""
    fleet = {"alpha": 0.5, "slow_class": held, "max_updates": 1500}
    record = history(scenario_of("08", method, seed, **fleet, **changes))
    return 100 * record.final("straggler_accuracy")


def leaving_out_costs(seed: int, held: int | None) -> float:
    left_out = on_slowest(seed, held, "fedbuff", exclude_small=True)
    return on_slowest(seed, held, "fedbuff") - left_out


def subset_per_kind_keeps(seed: int) -> float:
    ours = on_slowest(seed, 0, "ftte", subset_per="kind")
    return ours - on_slowest(seed, 0, "fedbuff", exclude_small=True)


def read_off(seed: int, batch: int, steps: int, clients: int) -> float:
    prepared = prepare(scenario_of("09", "fedavg", seed))
    federation, plan = prepared.federation, prepared.plan
    data, rng = federation.dataset, np.random.default_rng(seed)
    x, y = torch.as_tensor(data.x_train), torch.as_tensor(data.y_train)
    drawn = [
        [rng.choice(own, batch, replace=False) for _ in range(steps)]
        for own in federation.shards.train[:clients]
    ]
    batches = torch.as_tensor(np.array(drawn))
    rows = train_cohort(plan, federation.params, x, y, batches, rate=0.1).rows
    named = from_rows(federation.model, plan.subset, rows.mean(0))
    guesses = read_inputs(named["hidden1.weight"].numpy(), named["hidden1.bias"].numpy())
    return 100 * recovered(guesses, data.x_train[np.unique(drawn[0])].reshape(-1, 64))


def labels_read_off(seed: int) -> float:
    """Return the share of samples whose label the last bias shows after one step, in percent."""
    prepared = prepare(scenario_of("09", "fedavg", seed))
    federation, plan = prepared.federation, prepared.plan
    x, y = (torch.as_tensor(v) for v in (federation.dataset.x_train, federation.dataset.y_train))
    samples, right = federation.shards.train[0][:8], 0
    for sample in samples.tolist():
        batch = torch.tensor([[[sample]]])
        rows = train_cohort(plan, federation.params, x, y, batch, rate=0.1).rows
        named = from_rows(federation.model, plan.subset, rows[0])
        bias = [value for name, value in named.items() if name.endswith("bias")][-1]
        right += int(bias.argmax()) == int(y[sample])
    return 100 * right / len(samples)


def more_devices_gain(seed: int) -> float:
    """Return it over the better of a larger buffer and a stronger weight by age, in points."""
    changes = ({"concurrency": 45}, {"buffer": 20}, {"age_exponent": 2.0})
    gains = [
        judge(LIMITS.start(budget_kib=190.0, **c), (seed,)).lines["accuracy"].value for c in changes
    ]
    return gains[0] - max(gains[1:])


def clipped(seed: int, **changes: object) -> Prepared:
    return prepare(scenario_of("11", "fedbuff", seed, clip_norm=0.3, **changes))


def subset_halves_noise(seed: int) -> float:
    """Return how many times longer the drawn noise of all entries is than that of a quarter."""
    part = {"subset": "search", "payload_share": 0.25}
    lengths = []
    for changes in ({}, part):
        ready = clipped(seed, **changes)
        entries = ready.tiers.union.subset.entries(ready.federation.model)
        lengths.append(np.linalg.norm(noise_row(entries, 0.3, 4.0, seed=seed, step=0)))
    return float(lengths[0] / lengths[1])


def end_with_noise(seed: int, noise: float) -> float:
    return 100 * history(clipped(seed, noise_multiplier=noise).scenario).final()


def ten_updates(seed: int) -> tuple[Prepared, np.ndarray, torch.Tensor]:
    """Return one sample of each of ten devices, and the updates of one step on it."""
    ready = clipped(seed)
    data = ready.federation.dataset
    mine = np.array([own[0] for own in ready.federation.shards.train[:10]])
    x, y = torch.as_tensor(data.x_train), torch.as_tensor(data.y_train)
    batches = torch.as_tensor(mine)[:, None, None]
    return (
        ready,
        mine,
        train_cohort(ready.plan, ready.federation.params, x, y, batches, rate=0.1).rows,
    )


def masked_sum_off(seed: int) -> float:
    """Return the largest error of the sum, in steps of the code."""
    _, _, rows = ten_updates(seed)
    seen = server_views(rows, clip_norm=0.3, noise_multiplier=0.0)
    return float(np.abs(10 * seen.mean - rows.double().sum(0).numpy()).max() / STEP)


def likeness_seen(seed: int, view: str) -> float:
    """Return the median correlation of the best guess with the sample behind an update."""
    ready, mine, rows = ten_updates(seed)
    flat = ready.federation.dataset.x_train.reshape(-1, 64)
    alike = []
    for k, sample in enumerate(mine):
        seen = server_views(rows.roll(-k, 0), clip_norm=0.3, noise_multiplier=4.0, seed=seed)
        row = torch.as_tensor(getattr(seen, view))
        named = from_rows(ready.federation.model, ready.plan.subset, row)
        guesses = read_inputs(named["hidden1.weight"].numpy(), named["hidden1.bias"].numpy())
        alike.append(float(likeness(guesses, flat[[sample]])[0][0]))
    return float(np.median(alike))


def masked_beside_noise(seed: int) -> float:
    """Return how much more than pure noise a masked update is like its sample."""
    ready, mine, _ = ten_updates(seed)
    flat = ready.federation.dataset.x_train.reshape(-1, 64)
    noise = np.random.default_rng(seed).uniform(-1, 1, (10, 64, 64))
    chance = [likeness(n, flat[[s]])[0][0] for n, s in zip(noise, mine, strict=True)]
    return abs(likeness_seen(seed, "masked") - float(np.median(chance)))


def personal(seed: int, alpha: float | None, *, choose: bool = False) -> GainSummary:
    ready = prepare(scenario_of("12", "fedbuff", seed, alpha=alpha))
    *_, last = simulate(ready, processes=1)
    assert isinstance(last, Finished)
    how = FineTuning(steps=20, rate=0.05)
    return personalise(ready, last.params, how=how, choose=choose, samples=20).summary()


def choosing_spares(seed: int) -> float:
    """Return how many points fewer devices are hurt where all are alike, if they may choose."""
    free, careful = (personal(seed, None, choose=choose) for choose in (False, True))
    return 100 * (free.share_hurt - careful.share_hurt)


def choosing_helps_more(seed: int) -> float:
    """Return how many points more devices a choice by four samples helps than it hurts."""
    found = personal(seed, 0.1, choose=True)
    return 100 * (found.share_helped - found.share_hurt)


def newcomers_gain(seed: int, samples: int, **changes: object) -> GainSummary:
    """Sum up what people who took no part gain by a few samples of their own."""
    ready = prepare(scenario_of("12", "fedbuff", seed, **changes))
    *_, last = simulate(ready, processes=1)
    assert isinstance(last, Finished)
    how = FineTuning(steps=20, rate=0.05)
    return newcomers(ready, last.params, (samples,), how=how)[samples].summary()


def new_wrists_gain(seed: int) -> float:
    """Return how many points more of new people are helped than hurt by twenty windows."""
    fields = {"model": "cnn", "warm_start_steps": 100, "horizon_s": 12.0}
    found = newcomers_gain(seed, 20, data="motion", alpha=None, **fields)
    return 100 * (found.share_helped - found.share_hurt)


def private_gains(seed: int, part: str, **changes: object) -> float:
    ends = [
        history(scenario_of("12", "fedbuff", seed, private=p, **changes)).final()
        for p in (None, part)
    ]
    return 100 * (ends[1] - ends[0])
