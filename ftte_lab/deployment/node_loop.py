"""Follow a server as a node: join, do what comes, and show all the while that one is there."""

from __future__ import annotations

import time
from collections.abc import Callable

from ftte_lab._common import number
from ftte_lab.deployment.carrier import NodeCarrier
from ftte_lab.deployment.job_thread import JobThread
from ftte_lab.deployment.messages import Again, Beat, Bye, Job, Join, Left, Welcome

BEAT_S = 1.0
"""How often a node shows that it is there."""
PATIENCE_S = 30.0
"""How long a server may be silent before its nodes end."""

BUDGETS_KIB = (1.0, 1e9)
"""Range of a node's own memory budget (KiB)."""

_LOOK_S = 0.02  # how often a node that trains looks for messages


def follow(
    carrier: NodeCarrier,
    join: Join,
    *,
    beat_s: float = BEAT_S,
    patience_s: float = PATIENCE_S,
    unwanted: Callable[[], bool] = lambda: False,
    budget_kib: float | None = None,
) -> str:
    """Take part until the server says goodbye or is silent; return why it ended.

    Args:
        carrier: to the server.
        join: what the node says when it joins.
        beat_s: seconds between two heartbeats.
        patience_s: seconds of silence after which the server counts as gone.
        unwanted: asked often; true ends the node.
        budget_kib: what this node may hold in a training step (KiB); `None`: as the run says.

    Raises:
        ValueError: the run cannot be done on this machine, for example because data are missing, or
            memory.
    """
    if budget_kib is not None:
        budget_kib = number("memory", budget_kib, *BUDGETS_KIB)
    jobs = JobThread(budget_kib)
    try:
        reason = _follow(carrier, join, jobs, beat_s, patience_s, unwanted)
    except BaseException:
        carrier.send(Left())
        raise
    if reason is None:
        carrier.send(Left())
    return reason or "it was asked to end"


def _follow(
    carrier: NodeCarrier,
    join: Join,
    jobs: JobThread,
    beat_s: float,
    patience_s: float,
    unwanted: Callable[[], bool],
) -> str | None:
    """Return why the server is not followed any more; `None`: the node is unwanted."""
    carrier.send(join)
    heard_s = beaten_s = time.monotonic()
    while not unwanted():
        now = time.monotonic()
        if now - heard_s > patience_s:
            return f"no answer from the server for {patience_s:g} s"
        if now - beaten_s >= beat_s:
            carrier.send(Beat())
            beaten_s = now
        update = jobs.answer(_LOOK_S if jobs.busy else 0.0)
        if update is not None:
            carrier.send(update)
        message = carrier.receive(0.0 if jobs.busy else min(beat_s, 0.2))
        if message is None:
            continue
        heard_s = time.monotonic()
        if isinstance(message, Welcome | Job):
            jobs.take(message)
        elif isinstance(message, Again):
            carrier.send(join)
        elif isinstance(message, Bye):
            return message.reason or "the server has ended"
    return None
