"""Draw random scenarios from the declared settings, so that a new setting is drawn at once."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

from ftte_lab.simulation import METHODS, SETTINGS, Scenario, Setting

# What makes a run small: bounds, or the only values.
BOUNDS: Mapping[str, tuple[float, float]] = {
    "clients": (5, 25),
    "concurrency": (1, 12),
    "buffer": (1, 8),
    "samples_per_client": (4, 24),
    "batch": (1, 12),
    "micro_batch": (1, 12),
    "local_steps": (1, 4),
    "warm_start_steps": (0, 12),
    "horizon_s": (2.0, 3_000.0),
    "max_updates": (1, 60),
    "evaluations": (2, 8),
    "max_staleness": (0, 8),
    "slow_class": (0, 9),
    "budget_kib": (8.0, 2_000.0),
    "client_rate": (1e-3, 0.5),
    "straggler_factor": (1.0, 100.0),
    "server_rate": (1e-3, 3.0),
    "phases": (1, 4),
    "proximal": (0.0, 3.0),
}
ONLY: Mapping[str, tuple[Any, ...]] = {
    "data": ("digits", "motion"),
    "model": ("mlp", "mlp", "mlp", "cnn", "mcunet-s"),
}
SMALL: Mapping[str, Any] = {
    "data": "digits",
    "model": "mlp",
    "clients": 8,
    "concurrency": 4,
    "buffer": 3,
    "samples_per_client": 8,
    "warm_start_steps": 4,
    "horizon_s": 100.0,
    "max_updates": 24,
    "evaluations": 4,
}
"""The defaults of a random scenario, so that whatever is not drawn stays small too."""
NEEDS: Mapping[str, Mapping[str, Any]] = {
    "slow_class": {"alpha": 0.5},
    "over_select": {"refill": "step"},
    "noise_multiplier": {"clip_norm": 0.5, "normalise": "count"},
    "adaptive_clip": {"clip_norm": 0.5, "normalise": "count"},
    "clip_norm": {"normalise": "count"},
}
"""What a setting makes no sense without: it is drawn with it, so that it is seldom refused."""


def draw_value(one: Setting, rng: random.Random, *, small: bool) -> Any:
    """Draw an allowed value of a setting: from all of them, or from those of a small run."""
    if one.optional and rng.random() < 0.3:
        return None
    if one.words and rng.random() < 0.3:
        return rng.choice(sorted(one.words))
    if one.kind == "Mapping":
        return _shares(sorted(one.choices or ()), rng)
    if one.choices is not None:
        return rng.choice(ONLY[one.name] if small and one.name in ONLY else list(one.choices))
    if one.kind == "bool":
        return rng.random() < 0.5
    low, high = float(one.low or 0.0), float(one.high if one.high is not None else 1e9)
    if small and one.name in BOUNDS:
        low, high = BOUNDS[one.name]
    if rng.random() < 0.1:
        value = rng.choice([low, high])
    elif high / max(low, 1e-3) > 100:
        value = math.exp(rng.uniform(math.log(max(low, 1e-3)), math.log(high)))
    else:
        value = rng.uniform(low, high)
    if one.kind == "int":
        return min(math.floor(high), max(math.ceil(low), round(value)))
    return min(high, max(low, round(value, 6)))


def _shares(names: list[str], rng: random.Random) -> dict[str, float]:
    chosen = rng.sample(names, rng.randint(1, min(4, len(names))))
    parts = [rng.random() + 0.05 for _ in chosen]
    return {name: part / sum(parts) for name, part in zip(chosen, parts, strict=True)}


def draw_fields(rng: random.Random) -> dict[str, Any]:
    """Draw the fields of a small scenario, whether or not they make sense together."""
    often = rng.choice([0.15, 0.3, 0.5])
    drawn = {
        name: draw_value(one, rng, small=True)
        for name, one in SETTINGS.items()
        if name != "method" and rng.random() < often
    }
    needed = {k: v for name, needs in NEEDS.items() if drawn.get(name) for k, v in needs.items()}
    return {**SMALL, **drawn, **needed}


def draw_scenario(rng: random.Random) -> Scenario:
    """Draw a small scenario, often under a random method.

    Three times in four a contradiction is repaired, by dropping what was drawn until it is gone.

    Raises:
        ValueError: the kit refuses it.
    """
    fields = draw_fields(rng)
    repaired = rng.random() < 0.75
    base = _repaired(fields, rng) if repaired else Scenario(**fields)
    if rng.random() < 0.5:
        return base
    method = rng.choice(list(METHODS))
    try:
        return base.as_method(method)
    except ValueError:
        if repaired:
            return base
        raise


def _repaired(fields: dict[str, Any], rng: random.Random) -> Scenario:
    left = [name for name in fields if name not in SMALL or fields[name] != SMALL[name]]
    rng.shuffle(left)
    while True:
        try:
            return Scenario(**fields)
        except ValueError:
            name = left.pop()
            fields.pop(name)
            if name in SMALL:
                fields[name] = SMALL[name]


def valid_scenario(rng: random.Random) -> Scenario:
    """Draw a scenario that the kit accepts, from all allowed values; it may be too large to run."""
    fields = {
        name: draw_value(one, rng, small=False)
        for name, one in SETTINGS.items()
        if rng.random() < 0.4
    }
    names = list(fields)
    rng.shuffle(names)
    while True:
        try:
            return Scenario(**fields)
        except ValueError:
            fields.pop(names.pop())
