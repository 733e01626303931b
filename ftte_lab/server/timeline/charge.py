"""Keep the charge of each client's battery along the virtual clock, and record it.

The joules of a participation are taken out when it starts: a device that says yes has them. What
a participation that is called off did not use goes back (our reconstruction).
"""

from __future__ import annotations

import heapq
from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ftte_lab._common import require
from ftte_lab.devices import DAY_S, Batteries

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
_ROUNDING = 1e-9  # a battery that was charged just enough may lack this share of what is needed


@dataclass(frozen=True, eq=False)
class ChargeRecord:
    """Hold how the charge of each client changed, apart from charging, in the order of time.

    Attributes:
        batteries: their capacities, first charges and hours at the charger.
        need_j: joules of one participation, `(clients,)`.
        changed_s: virtual time of each change, `(changes,)`.
        client: whose charge changed, `(changes,)`.
        left_j: joules just after it, `(changes,)`.
    """

    batteries: Batteries
    need_j: Floats
    changed_s: Floats
    client: Ints
    left_j: Floats

    def level_j(self, at_s: float) -> Floats:
        """Return the joules that are not promised yet, after the events of a moment, `(clients,)`.

        What a participation under way needs has been taken out at its start.
        """
        until = int(np.searchsorted(self.changed_s, at_s, side="right"))
        last = np.full(len(self.need_j), -1)
        last[self.client[:until]] = np.arange(until)  # in the order of time: the last one stays
        level_j, since_s = self.batteries.start_j.copy(), np.zeros(len(last))
        changed = last >= 0
        level_j[changed] = self.left_j[last[changed]]
        since_s[changed] = self.changed_s[last[changed]]
        return self.batteries.after(slice(None), level_j, since_s, at_s)

    def empty_at(self, at_s: float) -> Bools:
        """Mark the clients whose charge does not cover another participation, `(clients,)`."""
        return np.asarray(self.level_j(at_s) < self.need_j * (1 - _ROUNDING))


class Charge:
    """Say who may start, and let those rest whose battery does not cover a participation.

    Args:
        batteries: of all clients.
        need_j: joules of one participation, `(clients,)`.

    Raises:
        ValueError: arrays of different lengths.
    """

    def __init__(self, batteries: Batteries, need_j: Floats) -> None:
        problem = f"{len(batteries)} batteries for {len(need_j)} clients"
        require(len(batteries) == len(need_j), problem, "one for each client")
        self._batteries = batteries
        self._needs = need_j
        # Plain numbers: the clock asks for one client at a time, where numpy is slow.
        self._need_j: list[float] = need_j.tolist()
        self._capacity_j: list[float] = batteries.capacity_j.tolist()
        self._power_w: list[float] = batteries.charge_w.tolist()
        self._plug_s: list[float] = batteries.plug_s.tolist()
        self._window_s: list[float] = batteries.plugged_s.tolist()
        self._level_j = batteries.start_j.tolist()
        self._since_s = [0.0] * len(need_j)
        self._resting: list[tuple[float, int]] = []
        self._changed_s, self._client, self._left_j = array("d"), array("q"), array("d")

    def rests(self, client: int, at_s: float) -> bool:
        """Report whether an idle client is too empty now; if so, remember when it is ready."""
        need_j = self._need_j[client]
        if self._level(client, at_s) >= need_j:
            return False
        level_j, since_s = self._level_j[client], self._since_s[client]
        ready_s = self._batteries.ready_s(client, level_j, since_s, need_j)
        heapq.heappush(self._resting, (max(ready_s, at_s), client))
        return True

    @property
    def next_s(self) -> float:
        """Return when the next resting client is ready; `inf`: none ever is."""
        return self._resting[0][0] if self._resting else float("inf")

    def ready(self, at_s: float) -> list[int]:
        """Take out the resting clients that are ready at a moment, in the order of their times."""
        out = []
        while self._resting and self._resting[0][0] <= at_s:
            out.append(heapq.heappop(self._resting)[1])
        return out

    def start(self, client: int, at_s: float) -> None:
        """Take out the joules of a participation."""
        left_j = self._level(client, at_s) - self._need_j[client]
        self._set(client, at_s, max(0.0, left_j))

    def call_off(self, client: int, at_s: float, unused: float) -> None:
        """Put back the unused share of a participation's joules."""
        level_j = self._level(client, at_s) + unused * self._need_j[client]
        self._set(client, at_s, min(self._capacity_j[client], level_j))

    def record(self) -> ChargeRecord:
        """Return what happened so far."""
        columns = (np.array(c) for c in (self._changed_s, self._client, self._left_j))
        return ChargeRecord(self._batteries, self._needs, *columns)

    def _level(self, client: int, at_s: float) -> float:
        """As `Batteries.after`, of one client since the last change."""
        level_j, power_w = self._level_j[client], self._power_w[client]
        if power_w == 0:
            return level_j
        plug_s, window_s = self._plug_s[client], self._window_s[client]
        days, within = divmod(at_s - plug_s, DAY_S)
        before, already = divmod(self._since_s[client] - plug_s, DAY_S)
        plugged = days * window_s + min(within, window_s)
        plugged -= before * window_s + min(already, window_s)
        return min(self._capacity_j[client], level_j + power_w * plugged)

    def _set(self, client: int, at_s: float, level_j: float) -> None:
        self._level_j[client], self._since_s[client] = level_j, at_s
        self._changed_s.append(at_s)
        self._client.append(client)
        self._left_j.append(level_j)
