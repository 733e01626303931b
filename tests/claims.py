"""What each notebook teaches, as numbers: measured at the size students run, on seeds other than those it shows.

The lessons were written with seed 0 (08: 0 to 9). Where these seeds contradicted one, the lesson was changed, so they
are no longer untouched: 00, 06 and 08 were. A last look at seeds 31 to 35 (08: 31 to 40) then held for all but three
margins, which were too sharp for five seeds: the half in 00, and two in 07. `python -m tests.claims` prints the table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from ftte_lab import measure_peak, prepare, run, training_bill
from ftte_lab.course import LIMITS, judge, lesson, one_round, read_inputs, recovered
from ftte_lab.models import from_rows, full
from ftte_lab.simulation import History, Scenario
from ftte_lab.training import train_cohort

SEEDS = (11, 12, 13, 14, 15)
TEN = tuple(range(11, 21))
Measure = Callable[[int], float]


@dataclass(frozen=True)
class Claim:
    """The number behind a sentence of a lesson, per seed, and the margin within which it must hold."""

    measure: Measure
    low: float = -np.inf
    high: float = np.inf
    seeds: Sequence[int] = SEEDS
    over: Callable[[Sequence[float]], Sequence[float]] = (
        list  # all seeds by default; or e.g. their median
    )

    def values(self) -> list[float]:
        """One number per seed."""
        return [self.measure(seed) for seed in self.seeds]

    def holds(self, values: Sequence[float]) -> bool:
        """Whether every number that counts lies within the margin."""
        return all(self.low <= v <= self.high for v in self.over(values))


def median(values: Sequence[float]) -> list[float]:
    """The middle one."""
    return [float(np.median(values))]


def _method(number: str, name: str, seed: int, **changes: object) -> Scenario:
    preset = lesson(number)
    base = preset.scenario.as_method(name).replace(seed=seed, server_rate=preset.server_rates[name])
    return base.replace(**changes)


@lru_cache(maxsize=32)
def _run(scenario: Scenario) -> History:
    return run(scenario, processes=1)


def _time_saved(seed: int) -> float:
    avg, ftte = (_run(_method("00", name, seed)) for name in ("fedavg", "ftte"))
    goal = avg.best()
    waited, took = avg.time_to(goal), ftte.time_to(goal)
    return 100 * (1 - took / waited) if took is not None and waited else -100.0


def _averaged_ahead(seed: int) -> float:
    ready, model, gap = prepare(_method("01", "fedavg", seed)), None, 0.0
    for number in range(10):
        done = one_round(ready, model, number=number)
        model, gap = done.params, 100 * (done.accuracy - done.mean_client_accuracy)
    return gap


def _after(history: History, rounds: int) -> float:
    seen = history.points[history.points["version"] <= rounds]
    return 100 * float(seen["accuracy"].tail(3).mean())


def _lost_at_equal_work(seed: int, alpha: float | None) -> float:
    few, many = (_run(_method("02", "fedavg", seed, alpha=alpha, local_steps=s)) for s in (4, 64))
    return _after(few, 80) - _after(many, 5)


def _won_at_equal_rounds(seed: int) -> float:
    gains = []
    for alpha in (None, 0.1):
        few, many = (
            _run(_method("02", "fedavg", seed, alpha=alpha, local_steps=s)) for s in (4, 64)
        )
        gains.append(_after(many, 20) - _after(few, 20))
    return min(gains)


def _stored_share(seed: int) -> float:
    ready = prepare(_method("03", "fedavg", seed))
    return 100 * ready.bill.parts()["stored activations"] / ready.bill.peak_bytes


def _stored_share_dense(seed: int) -> float:
    model = prepare(_method("03", "fedavg", seed, model="mlp")).federation.model
    bill = training_bill(model, full(model), 8)
    return 100 * bill.parts()["stored activations"] / bill.peak_bytes


def _bill_is_off(seed: int) -> float:
    """Of the subset that the search chose on this seed, in percent of the measured peak."""
    ready = prepare(_method("03", "ftte", seed))
    measured = measure_peak(ready.federation.model, ready.plan.subset, ready.scenario.batch)
    return 100 * abs(ready.bill.peak_bytes / measured - 1)


def _end(seed: int, solver: str, kib: float, shipped: int) -> float:
    wanted = _method("04", "ftte", seed, solver=solver, budget_kib=kib, warm_start_steps=shipped)
    return 100 * _run(wanted).final()


def _round_s(seed: int, share: float) -> float:
    timeline = prepare(_method("05", "fedavg", seed, straggler_share=share)).timeline
    return float(np.median(np.diff([0.0, *timeline.step_s])))


def _apart_per_update(seed: int) -> float:
    quick, slow = (
        _run(_method("05", "fedavg", seed, straggler_share=share)) for share in (0.0, 0.1)
    )
    common = min(float(h.points["updates"].iloc[-1]) for h in (quick, slow))
    ends = [
        float(h.points[h.points["updates"] <= common]["accuracy"].tail(3).mean())
        for h in (quick, slow)
    ]
    return 100 * abs(ends[0] - ends[1])


def _near_five_minutes(history: History) -> float:
    near = history.points[(history.points["sim_seconds"] - 300).abs() < 60]
    return 100 * float(near["accuracy"].mean())


def _noise(history: History) -> float:
    late = history.points["accuracy"].to_numpy()[len(history.points) // 2 :]
    line = np.polyval(np.polyfit(range(len(late)), late, 1), range(len(late)))
    return 100 * float(np.std(late - line))


def _buffers(seed: int) -> tuple[History, History]:
    return _run(_method("06", "ftte", seed, buffer=3)), _run(_method("06", "ftte", seed, buffer=30))


def _differs_from_fedavg(seed: int) -> float:
    same = {
        "subset": "full",
        "normalise": "sum",
        "variance_exponent": 0.0,
        "sample_exponent": 1.0,
        "server_rate": 1.0,
    }
    base = _method("06", "ftte", seed)
    buffered = _run(base.replace(**same, buffer=base.concurrency, refill="step", age_exponent=0.5))
    plain = _run(base.as_method("fedavg").replace(server_rate=1.0))
    return float(np.abs(buffered.points["accuracy"] - plain.points["accuracy"]).max())


def _weighed(seed: int, exponent: float, rate: float) -> History:
    return _run(_method("07", "fedbuff", seed, age_exponent=exponent, server_rate=rate))


def _weighting_buys(seed: int) -> float:
    best = {a: max(_weighed(seed, a, rate).final() for rate in (0.5, 1.0, 2.0)) for a in (0.0, 0.5)}
    return 100 * (best[0.5] - best[0.0])


def _worst_tenth_loses(seed: int) -> float:
    ends = [_weighed(seed, a, 1.0).final("worst_decile_accuracy") for a in (0.0, 3.0)]
    return 100 * (ends[0] - ends[1])


def _ftte_ahead_of(other: str, seed: int) -> float:
    ours, theirs = (_run(_method("08", name, seed)) for name in ("ftte", other))
    return 100 * (ours.final() - theirs.final())


def _on_slowest(seed: int, held: int | None, name: str, **changes: object) -> float:
    """Accuracy on the slowest tenth of the devices, which hold a class or do not."""
    wanted = _method("08", name, seed, alpha=0.5, slow_class=held, max_updates=1500, **changes)
    return 100 * _run(wanted).final("straggler_accuracy")


def _leaving_out_costs(seed: int, held: int | None) -> float:
    return _on_slowest(seed, held, "fedbuff") - _on_slowest(
        seed, held, "fedbuff", exclude_small=True
    )


def _kinds_keep(seed: int) -> float:
    return _on_slowest(seed, 0, "ftte", subset_per="kind") - _on_slowest(
        seed, 0, "fedbuff", exclude_small=True
    )


def _read_off(seed: int, batch: int, steps: int, clients: int) -> float:
    ready = prepare(_method("09", "fedavg", seed))
    w, rng = ready.federation, np.random.default_rng(seed)
    x, y = torch.as_tensor(w.dataset.x_train), torch.as_tensor(w.dataset.y_train)
    batches = [
        [rng.choice(own, batch, replace=False) for _ in range(steps)]
        for own in w.shards.train[:clients]
    ]
    rows = train_cohort(
        ready.plan, w.params, x, y, torch.as_tensor(np.array(batches)), rate=0.1
    ).rows
    named = from_rows(w.model, ready.plan.subset, rows.mean(0))
    guesses = read_inputs(named["hidden1.weight"].numpy(), named["hidden1.bias"].numpy())
    return 100 * recovered(guesses, w.dataset.x_train[np.unique(batches[0])].reshape(-1, 64))


def _more_devices_gain(seed: int) -> float:
    """Over the better of a larger buffer and a stronger weight by age, in points."""
    changes = ({"concurrency": 45}, {"buffer": 20}, {"age_exponent": 2.0})
    gains = [
        judge(LIMITS.start(budget_kib=190.0, **c), (seed,)).lines["accuracy"].value for c in changes
    ]
    return gains[0] - max(gains[1:])


CLAIMS: dict[str, Claim] = {
    "00 FTTE reaches FedAvg's best sooner, share of seeds": Claim(
        _time_saved, low=0.6, over=lambda v: [float(np.mean(np.array(v) > 0))]
    ),
    "00 and it usually saves a third or more: median % saved": Claim(
        _time_saved, low=33.0, over=median
    ),
    "01 ten rounds: the averaged model is ahead of the three, points": Claim(
        _averaged_ahead, low=8.0
    ),
    "02 alike clients lose little at equal work, points": Claim(
        lambda s: _lost_at_equal_work(s, None), high=12.0
    ),
    "02 unlike clients lose more than alike ones, points more": Claim(
        lambda s: _lost_at_equal_work(s, 0.1) - _lost_at_equal_work(s, None), low=12.0
    ),
    "02 at equal rounds more local work helps both, points": Claim(_won_at_equal_rounds, low=2.0),
    "03 a convolutional net's step is stored activations, %": Claim(_stored_share, low=80.0),
    "03 a small dense net's is not, %": Claim(_stored_share_dense, high=10.0),
    "03 the bill is off the measured peak by, %": Claim(_bill_is_off, high=0.1),
    "04 raw model: the search beats the last layers, points": Claim(
        lambda s: _end(s, "exact", 160.0, 0) - _end(s, "last", 160.0, 0), low=5.0
    ),
    "04 trained model: they are apart by, points": Claim(
        lambda s: abs(_end(s, "exact", 160.0, 1000) - _end(s, "last", 160.0, 1000)), high=4.0
    ),
    "04 raw model: 512 KiB of last layers beat 160 KiB searched, points": Claim(
        lambda s: _end(s, "last", 512.0, 0) - _end(s, "exact", 160.0, 0), low=0.0, over=median
    ),
    "05 one straggler in ten: a round lasts times as long": Claim(
        lambda s: _round_s(s, 0.1) / _round_s(s, 0.0), low=4.0
    ),
    "05 per update the two runs are apart by, median points": Claim(
        _apart_per_update, high=4.0, over=median
    ),
    "06 K = 3 is behind K = 30 after five minutes, median points": Claim(
        lambda s: _near_five_minutes(_buffers(s)[1]) - _near_five_minutes(_buffers(s)[0]),
        low=1.5,
        over=median,
    ),
    "06 and times as noisy": Claim(
        lambda s: _noise(_buffers(s)[0]) / _noise(_buffers(s)[1]), low=2.0
    ),
    "06 the buffer of a whole cohort differs from FedAvg by": Claim(_differs_from_fedavg, high=0.0),
    "07 rate 2, no weighting: accuracy, %": Claim(
        lambda s: 100 * _weighed(s, 0.0, 2.0).final(), high=40.0
    ),
    "07 rate 2, weighted by age: accuracy, %": Claim(
        lambda s: 100 * _weighed(s, 0.5, 2.0).final(), low=80.0
    ),
    "07 each at its best rate, weighting by age buys, points": Claim(_weighting_buys, high=1.5),
    "07 exponent 3 costs the worst tenth of clients, points": Claim(_worst_tenth_loses, low=3.0),
    "07 and in the median, points": Claim(_worst_tenth_loses, low=10.0, over=median),
    "08 FTTE is ahead of FedAvg after 40 minutes, share of ten seeds": Claim(
        lambda s: _ftte_ahead_of("fedavg", s),
        low=0.55,
        high=0.95,
        seeds=TEN,
        over=lambda v: [float(np.mean(np.array(v) > 0))],
    ),
    "08 by, median points": Claim(
        lambda s: _ftte_ahead_of("fedavg", s), low=0.3, high=5.0, seeds=TEN, over=median
    ),
    "08 FedBuff, ignoring memory, is ahead of FTTE by, median points": Claim(
        lambda s: -_ftte_ahead_of("fedbuff", s), low=0.5, high=4.0, seeds=TEN, over=median
    ),
    "08 small devices left out, like data: costs the slowest tenth, median points": Claim(
        lambda s: _leaving_out_costs(s, None), high=2.0, over=median
    ),
    "08 the same where they alone know a class, points": Claim(
        lambda s: _leaving_out_costs(s, 0), low=5.0
    ),
    "08 there FTTE with a subset per kind keeps, points": Claim(_kinds_keep, low=3.0),
    "09 one sample, one step: recovered, %": Claim(lambda s: _read_off(s, 1, 1, 1), low=100.0),
    "09 one step of 8: recovered, %": Claim(lambda s: _read_off(s, 8, 1, 1), low=30.0),
    "09 four steps of 8: recovered, median %": Claim(
        lambda s: _read_off(s, 8, 4, 1), low=3.0, high=50.0, over=median
    ),
    "09 the mean of ten clients: recovered, %": Claim(lambda s: _read_off(s, 8, 4, 10), high=10.0),
    "10 more devices gain more than the other two knobs, median points": Claim(
        _more_devices_gain, low=1.0, over=median
    ),
}


def lessons() -> list[str]:
    """The lessons that claim something."""
    return sorted({name[:2] for name in CLAIMS})


def main(wanted: Sequence[str]) -> int:
    """Print the table of claims, of all lessons or of those named."""
    failed = 0
    print("| claim | must be | seeds | measured | holds |\n| --- | --- | --- | --- | --- |")
    for name, claim in CLAIMS.items():
        if wanted and name[:2] not in wanted:
            continue
        values = claim.values()
        bounds = [
            f"{sign} {v:g}" for sign, v in (("≥", claim.low), ("≤", claim.high)) if np.isfinite(v)
        ]
        seeds = f"{claim.seeds[0]} to {claim.seeds[-1]}"
        told = " ".join(f"{v:.3g}" for v in values)
        print(
            f"| {name} | {', '.join(bounds)} | {seeds} | {told} | {claim.holds(values)} |",
            flush=True,
        )
        failed += not claim.holds(values)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
