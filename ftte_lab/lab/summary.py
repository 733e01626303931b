"""What the settings mean, in a few sentences whose numbers follow the knobs.

All of it is known before any training.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ftte_lab._common import seconds, size
from ftte_lab.charts import label
from ftte_lab.simulation import Prepared


def summary(runs: Mapping[str, Prepared]) -> str:
    """Describe prepared runs, a sentence per line: fleet, memory and payload, steps and ages.

    Args:
        runs: prepared runs by method name, at least one.

    Example:
        >>> from ftte_lab import Scenario
        >>> from ftte_lab.simulation import prepare
        >>> small = Scenario(data="digits", model="mlp", clients=6, concurrency=3, buffer=2,
        ...                  warm_start_steps=0, budget_kib=40.0, horizon_s=20.0)
        >>> print(summary({"fedavg": prepare(small.as_method("fedavg"))}).splitlines()[0][:9])
        6 devices
    """
    lines = [_fleet(next(iter(runs.values())))]
    if "ftte" in runs:
        full = next((run for run in runs.values() if run.choice is None), None)
        lines.append(_subset(runs["ftte"], full))
    lines += [_steps(name, prepared) for name, prepared in runs.items()]
    return "\n".join(lines)


def _fleet(prepared: Prepared) -> str:
    fleet = prepared.federation.fleet
    _, kind, memory = fleet.weakest()
    kinds = ", ".join(f"{fleet.kind.count(k)} {k}" for k in sorted(set(fleet.kind)))
    slow, factor = int(fleet.straggler.sum()), prepared.scenario.straggler_factor
    stragglers = f"{slow} are stragglers, {factor:g} times slower"
    if slow < 2:
        stragglers = f"1 is a straggler, {factor:g} times slower" if slow else "no stragglers"
    return (
        f"{len(fleet)} devices ({kinds}); {stragglers}. "
        f"The weakest, a {kind}, has {size(memory)} to train in."
    )


def _subset(prepared: Prepared, full: Prepared | None) -> str:
    model, bill = prepared.federation.model, prepared.bill
    share = prepared.plan.subset.entries(model) / model.size
    budget = prepared.choice.budget_bytes if prepared.choice else bill.peak_bytes
    peak, upload = size(bill.peak_bytes), f"{prepared.traffic.upload / 1024:.1f} KiB"
    if full is not None:
        peak += f" instead of {size(full.bill.peak_bytes)}"
        upload += f" instead of {full.traffic.upload / 1024:.1f}"
    too_small = int((~prepared.holds).sum())
    fit = (
        f"{too_small} devices are too small even for that" if too_small else "it fits every device"
    )
    text = (
        f"Within {size(budget)} FTTE trains {100 * share:.0f} % of the parameters: "
        f"a step needs {peak}, an update is {upload}; {fit}."
    )
    if prepared.tiers.phases is not None:
        part = 100 * prepared.tiers.union.subset.entries(model) / model.size
        times = len(prepared.tiers) - 1
        return f"{text} The subset is redrawn {times} times; {part:.0f} % are trained by the end."
    for tier in prepared.tiers.tiers[1:]:
        part = 100 * tier.plan.subset.entries(model) / model.size
        kinds = " or ".join(tier.kinds)
        text += f" Each {kinds} trains {part:.0f} % in {size(tier.bill.peak_bytes)}."
    return text


def _steps(name: str, prepared: Prepared) -> str:
    timeline, policy = prepared.timeline, prepared.timeline.policy
    steps = len(timeline.step_s)
    if not steps:
        return f"{label(name)} makes no server step in {seconds(timeline.end_s)}."
    every = seconds(float(timeline.step_s[-1]) / steps)
    if policy.refill == "step":
        k, n = policy.buffer, policy.concurrency
        who = f"all {k} clients of a round" if k == n else f"{k} of the {n} clients of a round"
        idle = f"on average {100 * _idle_share(prepared):.0f} % of them are idle"
        return f"{label(name)} waits for {who}: a step every {every}, and {idle}."
    age = float(timeline.staleness.mean())
    updates = "every update" if policy.buffer == 1 else f"every {policy.buffer} updates"
    return (
        f"{label(name)} steps after {updates}, every {every}; "
        f"an update is {age:.1f} versions old on average."
    )


def _idle_share(prepared: Prepared) -> float:
    """Return the share of the concurrency that is unused, averaged until the last step."""
    timeline = prepared.timeline
    at = np.linspace(0, float(timeline.step_s[-1]), 512, endpoint=False)
    return 1 - float(np.mean(timeline.concurrency_at(at))) / timeline.policy.concurrency
