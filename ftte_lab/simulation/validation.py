"""What a scenario's fields may be. Cheap rules only: whether a subset fits is found out when a run is prepared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ftte_lab._common import choice, integer, number, require
from ftte_lab.data import SOURCES
from ftte_lab.devices import ACCOUNTINGS, sample_fleet
from ftte_lab.models import MODELS
from ftte_lab.server import MEASURES, NORMALISATIONS, SOLVERS, STALENESS, VARIANCES

_NAMES: Mapping[
    str, Collection[str]
] = {  # the tables themselves: what a student adds to them is allowed
    "data": SOURCES,
    "model": MODELS,
    "subset": ("search", "full"),
    "accounting": ACCOUNTINGS,
    "contribution": MEASURES,
    "channels_by": ("magnitude", "gain"),
    "solver": SOLVERS,
    "subset_per": ("fleet", "kind"),
    "refill": ("arrival", "step"),
    "staleness": STALENESS,
    "variance": VARIANCES,
    "normalise": NORMALISATIONS,
}
_WHOLE: Mapping[str, tuple[int, int]] = {
    "clients": (2, 1_000_000),
    "samples_per_client": (4, 100_000),
    "batch": (1, 4096),
    "local_steps": (1, 10_000),
    "warm_start_steps": (0, 100_000),
    "concurrency": (1, 1_000_000),
    "evaluations": (2, 100_000),
    "seed": (0, 2**32 - 1),
}
_RANGE: Mapping[str, tuple[float, float]] = {
    "straggler_share": (0, 1),
    "straggler_factor": (1, 1e6),
    "jitter": (0, 3),
    "client_rate": (1e-6, 100),
    "client_momentum": (0, 0.999),
    "over_select": (0, 10),
    "age_exponent": (0, 100),
    "hinge_at": (0, 1e6),
    "variance_exponent": (0, 100),
    "sample_exponent": (0, 10),
    "server_rate": (1e-6, 100),
    "server_momentum": (0, 0.999),
    "server_average": (0, 0.9999),
    "horizon_s": (1e-3, 1e12),
}
_OPTIONAL: Mapping[str, tuple[float, float]] = {
    "alpha": (1e-3, 1e6),
    "dropout": (0, 0.99),
    "budget_kib": (1e-3, 1e9),
    "payload_share": (1e-6, 1),
}


def check(s: Any) -> None:
    """Check all fields of a scenario.

    Raises:
        ValueError: the first field that is out of range, with the range and the fix.
    """
    for name, options in _NAMES.items():
        choice(name, getattr(s, name), options)
    for name, (low, high) in _WHOLE.items():
        integer(name, getattr(s, name), low, high)
    for name, (lowest, highest) in _RANGE.items():
        number(name, getattr(s, name), lowest, highest)
    for name, (lowest, highest) in _OPTIONAL.items():
        if getattr(s, name) is not None:
            number(name, getattr(s, name), lowest, highest, fix="None leaves the choice to the kit")
    if s.max_staleness is not None:
        integer("max_staleness", s.max_staleness, 0)
    if s.max_updates is not None:
        integer("max_updates", s.max_updates, 1, fix="None runs to the horizon")
    if s.slow_class is not None:
        integer("slow_class", s.slow_class, 0, fix="None lets speed say nothing about data")
        require(
            s.alpha is not None,
            f"slow_class = {s.slow_class} with alpha = None",
            "None unless alpha is a number",
            "Only a label skew makes clients differ in how much of a class they hold",
        )
    require(
        isinstance(s.exclude_small, bool), f"exclude_small = {s.exclude_small!r}", "True or False"
    )
    require(isinstance(s.method, str), f"method = {s.method!r}", "a name", "Use Scenario.as_method")
    sample_fleet(s.mix, len(s.mix) or 1, seed=0)  # names the fault in a mix
    _check_server(s)


def _check_server(s: Any) -> None:
    fix = "Lower the concurrency or add clients"
    require(
        s.concurrency <= s.clients,
        f"concurrency = {s.concurrency}",
        f"1 to {s.clients}, the number of clients",
        fix,
    )
    if s.buffer is not None:
        integer("buffer", s.buffer, 1, fix="None makes it as large as the concurrency")
        fits = s.refill == "arrival" or s.buffer <= s.concurrency
        fix = "A buffer that is refilled only at the step can never hold more than the concurrency"
        require(fits, f"buffer = {s.buffer}", f"1 to {s.concurrency}, the concurrency", fix)
    alone = s.subset_per == "fleet" or s.variance_exponent == 0 or s.variance != "buffer"
    fix = "Updates of different subsets have no distance from each other: use variance = 'entries'"
    require(alone, "variance = 'buffer' with subset_per = 'kind'", "'entries' or 'steps'", fix)
    synchronous = s.refill == "step"
    require(
        s.over_select == 0 or synchronous,
        f"over_select = {s.over_select}",
        "0 unless refill = 'step'",
    )
    needs_two = s.variance_exponent > 0 and s.variance == "steps"
    ok = not needs_two or (s.local_steps >= 2 and s.client_momentum == 0)
    require(
        ok,
        "variance = 'steps'",
        "local_steps of at least 2 and client_momentum 0",
        "Or use variance = 'entries'",
    )
