"""Limit how often a client's updates are taken, and how many of them one server step may hold.

Both limits follow from the timeline alone, so that a client's privacy loss is known before any
training. A participation that never arrives, or that is discarded, shows nothing and does not
count.

Source: our reconstruction.
"""

from __future__ import annotations

from ftte_lab.server.timeline.policy import Policy


class Limits:
    """Count the updates of each client that were buffered, and say who may start again.

    Args:
        policy: with its limits.
        clients: how many there are.
    """

    def __init__(self, policy: Policy, clients: int) -> None:
        self._once_per_step = policy.once_per_step
        self._most = policy.max_participations
        self._taken = [0] * clients
        self._waiting: list[int] = []

    def buffered(self, client: int) -> bool:
        """Count an update that has come into the buffer; return whether the client is free now."""
        self._taken[client] += 1
        if self._most is not None and self._taken[client] >= self._most:
            return False
        if self._once_per_step:
            self._waiting.append(client)
        return not self._once_per_step

    def stepped(self) -> list[int]:
        """Return the clients that a server step sets free, in the order of their arrival."""
        free, self._waiting = self._waiting, []
        return free
