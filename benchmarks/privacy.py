"""Make the figures of docs/privacy.md again: what protection costs, and what attacks still read.

python -m benchmarks.privacy epsilon     privacy loss of each device of the default fleet
python -m benchmarks.privacy buffers     accuracy over K and z on the default fleet: 4 minutes
python -m benchmarks.privacy crowd       ten thousand devices, K = 1,000, three seeds: 15 minutes
python -m benchmarks.privacy attacks     what three attacks read, before and after
python -m benchmarks.privacy members     when a shipped model shows its members: a minute
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from benchmarks.parts import print_parts
from ftte_lab.course import lesson
from ftte_lab.experiments import (
    label_guess,
    membership,
    read_inputs,
    recovered,
    server_views,
)
from ftte_lab.models import from_rows
from ftte_lab.simulation import Finished, Prepared, Scenario, prepare, run, simulate
from ftte_lab.training import train_cohort

CLIP = 0.3
SEEDS = (11, 12, 13, 14, 15)
CROWD_SEEDS = (0, 1, 2)
VIEWS = ("update", "masked", "mean", "private")


def default_fleet(**fields: Any) -> Scenario:
    """Return the default fleet under FedBuff, with a clip."""
    return Scenario(**fields).as_method("fedbuff").replace(clip_norm=CLIP)


def print_epsilon() -> None:
    """Print the smallest, median and largest privacy loss of the default fleet."""
    for buffer in (10, 30):
        for z in (1.0, 4.0, 8.0):
            ready = prepare(default_fleet(buffer=buffer).replace(noise_multiplier=z))
            low, middle, high = np.percentile(ready.epsilon(), [0, 50, 100])
            noise = ready.noise_to_clip
            print(f"| {buffer} | {z:g} | {low:.1f} | {middle:.1f} | {high:.1f} | {noise:.1f} |")


def print_buffers() -> None:
    """Print the last accuracy over K and z."""
    for buffer in (10, 30):
        for z in (0.0, 0.1, 0.5, 4.0):
            scenario = default_fleet(buffer=buffer, horizon_s=900.0, evaluations=8)
            ends = run(scenario.replace(noise_multiplier=z))
            print(f"| {buffer} | {z:g} | {100 * ends.final():.0f} % |", flush=True)


def crowd(z: float, clients: int, buffer: int, updates: int, seed: int = 0) -> Scenario:
    """Return a fleet of phones, each with 8 windows of one person, and a dense net."""
    fields: Mapping[str, Any] = {
        "data": "motion",
        "model": "mlp",
        "warm_start_steps": 100,
        "mix": {"phone": 1.0},
        "straggler_share": 0.0,
        "dropout": 0.0,
        "clients": clients,
        "samples_per_client": 8,
        "concurrency": 2 * buffer,
        "buffer": buffer,
        "max_updates": updates,
        "horizon_s": 1e5,
        "evaluations": 2,
        "variance_exponent": 0.0,
        "server_rate": 4.0,
        "seed": seed,
    }
    return Scenario(**fields).as_method("fedbuff").replace(clip_norm=CLIP, noise_multiplier=z)


def print_crowd() -> None:
    """Print what noise does to a class of a hundred, and to a crowd of ten thousand."""
    sizes = ((100, 10, 1_000), (10_000, 1000, 100_000))
    for (clients, buffer, updates), seed in itertools.product(sizes, CROWD_SEEDS):
        for z in (4.0, 0.0):
            ready = prepare(crowd(z, clients, buffer, updates, seed))
            history = run(ready, processes=1)
            first, last = history.points["accuracy"].iloc[[0, -1]]  # unsmoothed: there are but two
            loss = f"{np.median(ready.epsilon()):.1f}" if z else "none"
            row = f"| {clients:,} | {buffer:,} | {z:g} | {seed} | {loss} "
            row += f"| {ready.noise_to_clip:.1f} "
            print(f"{row}| {100 * first:.0f} % | {100 * last:.0f} % |", flush=True)


def print_attacks() -> None:
    """Print medians over five seeds."""
    tables: dict[str, list[list[float]]] = {}
    for seed in SEEDS:
        for name, found in attacks(seed).items():
            tables.setdefault(name, []).append(found)
    for name, values in tables.items():
        print(f"| {name} | " + " | ".join(f"{v:.2f}" for v in np.median(values, axis=0)) + " |")


def attacks(seed: int) -> dict[str, list[float]]:
    """Return what is read off an update, a masked one, a mean of ten, and a noisy mean."""
    base = lesson("11").run("fedbuff", seed).replace(clip_norm=CLIP)
    out = {"sample read, share": reading(prepare(base), seed)}
    out["main class guessed, share"] = labels(prepare(base.replace(alpha=0.1)), seed)
    ends = []
    for z in (0.0, 4.0):
        ready = prepare(base.replace(noise_multiplier=z))
        *_, last = simulate(ready, processes=1)
        assert isinstance(last, Finished)
        ends.append(membership(ready, last.params).auc)
    out["members, AUC: shipped model without noise, with z = 4"] = ends
    return out


def _updates(ready: Prepared, batches: Any) -> torch.Tensor:
    data = ready.federation.dataset
    x, y = torch.as_tensor(data.x_train), torch.as_tensor(data.y_train)
    at = torch.as_tensor(np.array(batches))
    return train_cohort(ready.plan, ready.federation.params, x, y, at, rate=0.1).rows


def _seen(ready: Prepared, rows: torch.Tensor, seed: int, tensor: str) -> dict[str, np.ndarray]:
    """Return a tensor of each of the ten devices' views, by view."""
    out: dict[str, list[np.ndarray]] = {name: [] for name in VIEWS}
    for k in range(len(rows)):
        views = server_views(rows.roll(-k, 0), clip_norm=CLIP, noise_multiplier=4.0, seed=seed + k)
        for name in VIEWS:
            row = torch.as_tensor(getattr(views, name))
            named = from_rows(ready.federation.model, ready.plan.subset, row)
            out[name].append(named[tensor].numpy())
    return {name: np.stack(found) for name, found in out.items()}


def reading(ready: Prepared, seed: int) -> list[float]:
    """Return the share of ten devices whose only sample is read, by view."""
    shards, data = ready.federation.shards.train, ready.federation.dataset
    mine = np.array([own[0] for own in shards[:10]])
    rows = _updates(ready, mine[:, None, None])
    flat = data.x_train.reshape(len(data.x_train), -1)
    weights, biases = (_seen(ready, rows, seed, f"hidden1.{t}") for t in ("weight", "bias"))
    return [
        float(
            np.mean(
                [
                    recovered(read_inputs(w, b), flat[[one]])
                    for w, b, one in zip(weights[view], biases[view], mine, strict=True)
                ]
            )
        )
        for view in VIEWS
    ]


def labels(ready: Prepared, seed: int) -> list[float]:
    """Return the share of ten devices whose main class is guessed, by view."""
    shards, data = ready.federation.shards.train, ready.federation.dataset
    rng = np.random.default_rng(seed)
    large = np.argsort([-len(own) for own in shards])[:10]
    batches = [[rng.choice(shards[c], 8) for _ in range(4)] for c in large]
    most = [np.bincount(data.y_train[np.ravel(b)], minlength=10).argmax() for b in batches]
    biases = _seen(ready, _updates(ready, batches), seed, "head.bias")
    return [float(np.mean(label_guess(biases[view]) == most)) for view in VIEWS]


MEMBERS: Mapping[str, Mapping[str, Any]] = {
    "lesson 11": {},
    "ten times as long": {"horizon_s": 40.0},
    "4 samples a phone": {"samples_per_client": 4},
    "10 phones": {"clients": 10, "concurrency": 10, "buffer": 5},
    "10 phones, 4 samples each": {
        "clients": 10,
        "concurrency": 10,
        "buffer": 5,
        "samples_per_client": 4,
    },
}


def print_members() -> None:
    """Print how well members are known from others, in fleets that know fewer samples better."""
    for name, fields in MEMBERS.items():
        rows = np.median([members(seed, fields) for seed in SEEDS], axis=0)
        samples, passes, right, auc = rows.tolist()
        print(f"| {name} | {samples:,.0f} | {passes:,.0f} | {100 * right:.0f} % | {auc:.2f} |")


def members(seed: int, fields: Mapping[str, Any]) -> list[float]:
    """Return samples of the fleet, passes over each, the last accuracy, and the attack's area."""
    ready = prepare(lesson("11").run("fedbuff", seed).replace(clip_norm=CLIP, **fields))
    *_, last = simulate(ready, processes=1)
    assert isinstance(last, Finished)
    s, shards = ready.scenario, ready.federation.shards.train
    samples = sum(len(own) for own in shards)
    passes = ready.participations.sum() * s.local_steps * s.batch / samples
    return [samples, passes, last.history.final(), membership(ready, last.params).auc]


PARTS: Mapping[str, Callable[[], None]] = {
    "epsilon": print_epsilon,
    "buffers": print_buffers,
    "crowd": print_crowd,
    "attacks": print_attacks,
    "members": print_members,
}


def main(arguments: list[str]) -> int:
    """Print the parts that are named."""
    return print_parts(arguments, PARTS, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
