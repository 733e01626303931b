"""Take what really arrives: the server's protocol on the real clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from ftte_lab.deployment.measured_timeline import MeasuredTimeline
from ftte_lab.deployment.messages import Seconds
from ftte_lab.deployment.orders import Start
from ftte_lab.devices import participation_times
from ftte_lab.server import Fate
from ftte_lab.simulation import Prepared, policy

_TAG = 0xF3EE  # keeps this random stream apart from every other use of the same seed
_NOTHING: Seconds = (0.0, 0.0, 0.0)


class FreeOrder:
    """Start idle clients, drawn uniformly, and step as the protocol of the scenario says.

    Args:
        prepared: the prepared run; its own timeline is only a prediction here.
        scale: real seconds that a virtual second takes.
        throttle: whether each node takes at least as long as the device that it plays.
        clock: real seconds.
    """

    def __init__(
        self,
        prepared: Prepared,
        scale: float,
        throttle: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        s = prepared.scenario
        self._base, self._scale, self._throttle = prepared, scale, throttle
        self.policy = policy(s)
        self.measured = MeasuredTimeline(self.policy)
        self._waiting: list[int] = []
        self._flying: set[int] = set()
        self._open = True  # whether free slots may be filled
        self._steps = math.inf
        if s.max_updates is not None:
            self._steps = math.ceil(s.max_updates / self.policy.buffer)
        self._tick_s, self._ticks = s.horizon_s / (s.evaluations - 1), 0
        self._clock, self._zero = clock, clock()
        self._stopped: float | None = None  # when a pause stopped the clock
        self._draw, self._jitter = np.random.default_rng([_TAG, s.seed]).spawn(2)
        self._first_s = _first_download_s(prepared)

    @property
    def prepared(self) -> Prepared:
        """Return the run with the timeline that was measured so far."""
        return replace(self._base, timeline=self.measured.timeline(self.now_s()))

    @property
    def oldest(self) -> int:
        """Return the newest version: nobody starts from another one."""
        return len(self.measured.step_s)

    def now_s(self) -> float:
        """Return the virtual time since the first start (s)."""
        now = self._clock() if self._stopped is None else self._stopped
        return (now - self._zero) / self._scale if self.measured.client else 0.0

    def hold(self, paused: bool) -> None:
        """Let the clock stand still while a pause lasts and nobody is under way."""
        still = paused and not self._flying
        if still and self._stopped is None:
            self._stopped = self._clock()
        elif not still and self._stopped is not None:
            self._zero += self._clock() - self._stopped
            self._stopped = None

    def start(self, idle: Iterable[int]) -> Start | None:
        """Start a client if a slot is free, and the protocol lets it be filled."""
        clients = [client for client in idle if self._base.eligible[client]]
        full = len(self._flying) >= self.policy.concurrency
        if self.policy.refill == "step" and self._flying and (full or not clients):
            self._open = False  # the cohort is complete
        if not clients or full or not self._open or self.ended():
            return None
        if not self.measured.client:
            self._zero = self._clock()
        client = clients[int(self._draw.integers(len(clients)))]
        expected_s = self._expected_s(client)
        p = self.measured.begin(client, self.oldest, self.now_s(), expected_s)
        self._flying.add(p)
        down, compute, up = (seconds * self._scale for seconds in expected_s)
        pace = (down, compute, up) if self._throttle else _NOTHING
        tier = int(self._base.tiers.tier_of_client[client])
        return Start(p, client, self.measured.visit[p], self.oldest, tier, False, pace, sum(pace))

    def arrived(self, participation: int, seconds: Seconds) -> str:
        """Buffer an update, unless it is too old."""
        age = self.oldest - self.measured.version[participation]
        most = self.policy.max_staleness
        fate = Fate.STALE if most is not None and age > most else Fate.BUFFERED
        self._end(participation, fate, seconds)
        if fate == Fate.BUFFERED:
            self._waiting.append(participation)
        return fate.name.lower()

    def lost(self, participation: int) -> None:
        """Free the slot; the others go on."""
        self._end(participation, Fate.DROPPED, _NOTHING)

    def due(self) -> np.ndarray | None:
        """Return the first K updates that wait, or all of a cohort that is complete as it is."""
        K = self.policy.buffer
        alone = self.policy.refill == "step" and not self._flying
        if self.ended() or not self._waiting or (len(self._waiting) < K and not alone):
            return None
        return np.array(self._waiting[:K])

    def stepped(self, members: np.ndarray) -> list[int]:
        """Note a server step; over-selection calls off whatever is still under way."""
        del self._waiting[: len(members)]
        self.measured.step(members.tolist(), self.now_s())
        self._open = True
        late = sorted(self._flying) if self.policy.discard_late else []
        for p in late:
            self._end(p, Fate.ABORTED, _NOTHING)
        return late

    def evaluates(self) -> bool:
        """Evaluate at most once in each interval of an even grid over the horizon."""
        ticks = int(self.now_s() / self._tick_s)
        passed, self._ticks = ticks > self._ticks, ticks
        return passed

    def end_s(self) -> float:
        """Return the virtual time at which the run was ended (s)."""
        return self.measured.step_s[-1] if self.measured.step_s else 0.0

    def ended(self) -> bool:
        """Return whether the horizon, or the last of the wanted updates, was reached."""
        over = self.now_s() >= self._base.scenario.horizon_s
        return over or len(self.measured.step_s) >= self._steps

    def _end(self, participation: int, fate: Fate, seconds: Seconds) -> None:
        self._flying.discard(participation)
        down, compute, up = (value / self._scale for value in seconds)
        self.measured.end(participation, fate, self.now_s(), (down, compute, up))
        if not self._flying and not self._waiting:
            self._open = True  # nobody is left to wait for

    def _expected_s(self, client: int) -> Seconds:
        """Return the virtual seconds of each phase, stretched by chance as in the simulation."""
        times, sigma = self._base.times, self._base.scenario.jitter
        first = client not in self.measured.client
        f = math.exp(sigma * self._jitter.standard_normal() - sigma**2 / 2)
        down_s = float(self._first_s[client] if first else times.download_s[client])
        return f * down_s, f * float(times.compute_s[client]), f * float(times.upload_s[client])


def _first_download_s(prepared: Prepared) -> np.ndarray:
    """Return the virtual seconds of each client's first download."""
    messages = [tier.traffic for tier in prepared.tiers.tiers]
    first = [(one.once or one.download) + one.index for one in messages]
    return participation_times(
        prepared.federation.fleet,
        download_bytes=prepared.tiers.per_client(first),
        upload_bytes=0,
        flops=0,
    ).download_s
