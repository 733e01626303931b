"""Predict a free run, with a carrier: nodes exactly as fast as their devices, on a set clock."""

from __future__ import annotations

import heapq

from ftte_lab._common import number
from ftte_lab.deployment.free_order import FreeOrder
from ftte_lab.deployment.orders import Start
from ftte_lab.server import Timeline
from ftte_lab.simulation import Prepared

_MOST_SECONDS = 1e9


def paced_timeline(prepared: Prepared, carrier_s: float = 0.0) -> Timeline:
    """Return what nodes do that keep the pace of their devices exactly.

    No process starts and nothing is trained. The draws are those of a free run: other ones than
    those of the simulated timeline, and the same for every carrier. Nobody drops out.

    Args:
        prepared: the prepared run.
        carrier_s: what the carrier takes besides, for every job (virtual s).

    Raises:
        ValueError: a negative time, or one without end.

    Example:
        >>> from ftte_lab import Scenario, prepare
        >>> prepared = prepare(Scenario(clients=20, concurrency=5, warm_start_steps=0))
        >>> with_it, without = (len(paced_timeline(prepared, s).applied) for s in (9.0, 0.0))
        >>> with_it < without
        True
    """
    carrier_s = number("carrier_s", carrier_s, 0, _MOST_SECONDS)
    now_s, horizon_s = 0.0, prepared.scenario.horizon_s
    order = FreeOrder(prepared, 1.0, True, lambda: now_s)
    flying: list[tuple[float, int, Start]] = []
    idle = set(range(prepared.scenario.clients))
    while not order.ended():
        while (start := order.start(sorted(idle))) is not None:
            idle.remove(start.client)
            at_s = now_s + sum(start.pace) + carrier_s
            heapq.heappush(flying, (at_s, start.participation, start))
        now_s, p, start = heapq.heappop(flying)
        if now_s >= horizon_s:
            now_s = horizon_s
            break
        order.arrived(p, start.pace)
        idle.add(start.client)
        while (members := order.due()) is not None:
            late = set(order.stepped(members))
            idle |= {one.client for _, p, one in flying if p in late}
            flying = [one for one in flying if one[1] not in late]
            heapq.heapify(flying)
    return order.prepared.timeline
