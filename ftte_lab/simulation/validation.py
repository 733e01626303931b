"""Check combinations of settings; the range of each alone is declared with the setting."""

from __future__ import annotations

from typing import Any

from ftte_lab._common import require
from ftte_lab.devices import sample_fleet


def check_combinations(s: Any) -> None:
    """Check the fields of a scenario against each other.

    Whether a subset fits is found out when a run is prepared.

    Raises:
        ValueError: the first combination that makes no sense, with the fix.
    """
    sample_fleet(s.mix, len(s.mix) or 1, seed=0)  # checks the mix
    require(
        s.slow_class is None or s.alpha is not None,
        f"slow_class = {s.slow_class} with alpha = None",
        "None unless alpha is a number",
        "Only a label skew makes clients differ in how much of a class they hold",
    )
    _check_slots(s)
    _check_variance(s)
    _check_correction(s)


def _check_slots(s: Any) -> None:
    require(
        s.concurrency <= s.clients,
        f"concurrency = {s.concurrency}",
        f"1 to {s.clients}, the number of clients",
        "Lower the concurrency or add clients",
    )
    require(
        s.buffer is None or s.refill == "arrival" or s.buffer <= s.concurrency,
        f"buffer = {s.buffer}",
        f"1 to {s.concurrency}, the concurrency",
        "A buffer that is refilled only at the step can never hold more than the concurrency",
    )
    synchronous = s.refill == "step"
    problem = f"over_select = {s.over_select}"
    require(s.over_select == 0 or synchronous, problem, "0 unless refill = 'step'")


def _check_variance(s: Any) -> None:
    used = s.variance_exponent > 0
    require(
        not used or s.subset_per == "fleet" or s.variance != "buffer",
        "variance = 'buffer' with subset_per = 'kind'",
        "'entries' or 'steps'",
        "Updates of different subsets have no distance from each other: use variance = 'entries'",
    )
    measurable = s.local_steps >= 2 and s.client_momentum == 0 and s.correction == "none"
    require(
        not used or s.variance != "steps" or measurable,
        "variance = 'steps'",
        "local_steps of at least 2, client_momentum 0 and no client correction",
        "Or use variance = 'entries'",
    )


def _check_correction(s: Any) -> None:
    stateful = s.correction == "control_variates"
    require(
        not stateful or s.client_momentum == 0,
        f"correction = 'control_variates' with client_momentum = {s.client_momentum:g}",
        "client_momentum 0",
        "SCAFFOLD reads a client's mean gradient off its update, which momentum would distort",
    )
    require(
        not stateful or s.subset_per == "fleet",
        "correction = 'control_variates' with subset_per = 'kind'",
        "subset_per = 'fleet'",
        "The server's variate is a mean over clients that train the same entries",
    )
