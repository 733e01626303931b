"""Check combinations of settings; the range of each alone is declared with the setting."""

from __future__ import annotations

from typing import Any

from ftte_lab._common import require
from ftte_lab.devices import sample_fleet
from ftte_lab.server import StepRule


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
    _check_micro_batch(s)
    _check_slots(s)
    _check_variance(s)
    _check_correction(s)
    _check_mean(s)
    _check_phases(s)


def _check_micro_batch(s: Any) -> None:
    require(
        not isinstance(s.micro_batch, int) or s.micro_batch <= s.batch,
        f"micro_batch = {s.micro_batch} with batch = {s.batch}",
        f"1 to {s.batch}, None or 'auto'",
        "A micro-batch is a part of the batch",
    )


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
    require(
        not stateful or s.payload_bits == 32,
        f"correction = 'control_variates' with payload_bits = {s.payload_bits}",
        "payload_bits = 32",
        "The server's variate is a mean of what the clients keep, which rounding would end",
    )


def _check_mean(s: Any) -> None:
    rule = StepRule(s.combine, s.mean, s.trim, s.server_rate)  # checks the rate of "mixing"
    if rule.cut is None:
        return
    require(
        s.correction != "control_variates",
        f"mean = {s.mean!r} with correction = 'control_variates'",
        "mean = 'weighted'",
        "SCAFFOLD's variates stay a plain mean, which one faulty client moves as it likes",
    )
    updates = s.concurrency if s.buffer is None else s.buffer
    require(
        updates >= 3,
        f"mean = {s.mean!r} with {updates} updates per server step",
        "3 or more",
        "One or two updates have no median but their mean: raise the buffer",
    )


def _check_phases(s: Any) -> None:
    """Refuse what does not go with a subset that is redrawn during the run."""
    if s.phases == 1:
        return
    variates = "control_variates"
    for name, wrong, allowed, why in (
        ("subset", "full", "'search'", "Where everything is trained there is nothing to redraw"),
        ("subset_per", "kind", "'fleet'", "Phases are one subset for the whole fleet at a moment"),
        ("channels_by", "magnitude", "'gain'", "A channel's gain grows while it is not trained"),
        ("correction", variates, "'none' or 'proximal'", "Variates belong to one set of entries"),
        ("payload_bits", 8, "16 or 32", "A tensor's scale would change with the phases missed"),
        ("batteries", True, "False", "What a participation takes would change with the phase"),
    ):
        given = f"phases = {s.phases} with {name} = {wrong!r}"
        require(getattr(s, name) != wrong, given, f"{name} = {allowed}", why)
    require(
        s.server_momentum == 0,
        f"phases = {s.phases} with server_momentum = {s.server_momentum:g}",
        "server_momentum = 0",
        "It would go on moving entries that are no longer trained",
    )
    require(
        s.variance != "buffer" or s.variance_exponent == 0,
        f"phases = {s.phases} with variance = 'buffer'",
        "'entries' or 'steps'",
        "Updates of different subsets have no distance from each other",
    )
