"""What the settings mean, in a few sentences whose numbers move with the knobs: known before any training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ftte_lab._common import seconds, size
from ftte_lab.charts import label
from ftte_lab.lab.settings import Settings
from ftte_lab.simulation import Prepared


def story(runs: Mapping[str, Prepared]) -> str:
    """The text of a Lab, a sentence per line: memory and payload, the server's rhythm, and how old updates are.

    Args:
        runs: prepared runs by method name, at least one.
    """
    said = [_fleet(next(iter(runs.values())))]
    if "ftte" in runs:
        said.append(
            _subset(
                runs["ftte"],
                next((runs[n] for n in ("fedavg", "fedbuff", "fedasync") if n in runs), None),
            )
        )
    said += [_rhythm(name, ready) for name, ready in runs.items()]
    return "\n".join(said)


def _fleet(ready: Prepared) -> str:
    fleet, s = ready.federation.fleet, ready.scenario
    _, kind, memory = fleet.weakest()
    kinds = ", ".join(f"{fleet.kind.count(k)} {k}" for k in dict.fromkeys(sorted(fleet.kind)))
    slow = int(fleet.straggler.sum())
    stragglers = (
        f"; {slow} are stragglers, {s.straggler_factor:g} times slower"
        if slow
        else "; none is a straggler"
    )
    return f"{len(fleet)} devices ({kinds}){stragglers}. The weakest, a {kind}, has {size(memory)} to train in."


def _subset(ready: Prepared, everything: Prepared | None) -> str:
    model, subset = ready.federation.model, ready.plan.subset
    share = subset.entries(model) / model.size
    budget = ready.choice.budget_bytes if ready.choice else ready.bill.peak_bytes
    small = int((~ready.holds).sum())
    text = (
        f"Within {size(budget)} FTTE trains {100 * share:.0f} % of the parameters: "
        f"a step needs {size(ready.bill.peak_bytes)}"
        + (f" instead of {size(everything.bill.peak_bytes)}" if everything else "")
        + f", an update is {ready.traffic.upload / 1024:.1f} KiB"
        + (f" instead of {everything.traffic.upload / 1024:.1f}" if everything else "")
    )
    text += (
        f"; {small} devices are too small even for that."
        if small
        else "; every device can hold it."
    )
    for tier in ready.tiers.all[1:]:
        part = 100 * tier.plan.subset.entries(model) / model.size
        text += f" Each {' or '.join(tier.kinds)} trains {part:.0f} % of its own, in {size(tier.bill.peak_bytes)}."
    return text


def _rhythm(name: str, ready: Prepared) -> str:
    timeline, policy = ready.timeline, ready.timeline.policy
    steps = len(timeline.step_s)
    if not steps:
        return f"{label(name)} makes no server step in {seconds(timeline.end_s)}."
    every = seconds(float(timeline.step_s[-1]) / steps)
    if policy.refill == "step":
        idle = _waiting_share(ready)
        waiting = f"while {100 * idle:.0f} % of its slots wait"
        return f"{label(name)} waits for all {policy.buffer}: a step every {every}, {waiting}."
    age = float(timeline.staleness.mean())
    updates = "every update" if policy.buffer == 1 else f"every {policy.buffer} updates"
    return f"{label(name)} steps after {updates}, every {every}; an update is {age:.1f} versions old on average."


def _waiting_share(ready: Prepared) -> float:
    """Share of the slots that do nothing, averaged over the time until the last step."""
    timeline = ready.timeline
    at = np.linspace(0, float(timeline.step_s[-1]), 512, endpoint=False)
    return 1 - float(np.mean(timeline.concurrency_at(at))) / timeline.policy.concurrency


def differences(before: Settings, now: Settings) -> str:
    """What was set otherwise in an earlier run, with its values then."""
    old, new = before.scenario.to_dict(), now.scenario.to_dict()
    changed = [f"{name} {_said(old[name])}" for name in old if old[name] != new[name]]
    if before.methods != now.methods:
        changed.append("methods " + ", ".join(label(m) for m in before.methods))
    if before.seeds != now.seeds:
        changed.append(f"{before.seeds} seeds")
    return (", ".join(changed) or "the same settings") + "."


def _said(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{100 * share:.0f} % {kind}" for kind, share in value.items())
    return (
        "automatic" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    )
