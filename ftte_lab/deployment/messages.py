"""Say what the server and the nodes tell each other; a carrier only moves it.

A node is a process that plays one client, or several in turn. It joins, is welcomed to a run, gets
jobs and answers each with an update.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PARTS = ("model", "frozen", "row", "index")
"""What a job may carry: the complete model, or what is frozen; the trained entries; their index."""

Seconds = tuple[float, float, float]
"""Real seconds to download, to compute and to upload."""
Held = tuple[int, int, int]
"""Of a training step: bytes of all tensors at its peak, growth of the process, samples at once."""
NOT_MEASURED: Held = (0, 0, 0)


@dataclass(frozen=True)
class Join:
    """Ask to take part, or to take part again.

    Attributes:
        word: of the join line.
        name: by which the node is known; it belongs to the first key that takes it.
        seat: which seat it wishes, and so whose samples; -1: any. It gets it if it is free.
    """

    word: str
    name: str
    seat: int = -1


@dataclass(frozen=True)
class Welcome:
    """Begin a run on a node. Whatever it did before is void.

    Attributes:
        scenario: the run, as JSON; a node makes its own shard from it.
        clients: which clients the node plays.
        union: index of all that any device trains, as JSON; empty: the same as what it trains.
    """

    scenario: str
    clients: tuple[int, ...]
    union: str = ""


@dataclass(frozen=True)
class Job:
    """Ask for one participation.

    Attributes:
        number: of the job; no other one has it.
        client: who trains.
        visit: how many participations the client had before.
        together: whether the simulation trains this client beside others, which are other kernels.
        pace: how long the node shall take at least for each phase, so that a fast machine plays a
            slow device; zeros: as fast as it can.
        parts: what is downloaded, by name (see `PARTS`); exactly what `models` serialises.
        micro_batch: samples that the device passes at once; 0: the complete batch.
    """

    number: int
    client: int
    visit: int
    together: bool = False
    pace: Seconds = (0.0, 0.0, 0.0)
    parts: Mapping[str, bytes] = field(default_factory=dict)
    micro_batch: int = 0

    @property
    def payload_bytes(self) -> int:
        """Return the bytes that are downloaded."""
        return sum(map(len, self.parts.values()))


@dataclass(frozen=True)
class Update:
    """Answer a job.

    Attributes:
        number: of the job.
        payload: the update; exactly what `models` serialises.
        step_variance: sampling variance that the client measured; 0 if it is not tracked.
        seconds: what each phase took, by the node's own clock.
        held: memory of a training step there (see `Held`); zeros: not measured.
    """

    number: int
    payload: bytes
    step_variance: float = 0.0
    seconds: Seconds = (0.0, 0.0, 0.0)
    held: Held = NOT_MEASURED


@dataclass(frozen=True)
class Beat:
    """Show that one is there; the other end answers with the same."""


@dataclass(frozen=True)
class Again:
    """Ask a node that was given up to join again."""


@dataclass(frozen=True)
class Left:
    """Sign off. A carrier that notices that a node is gone says so in the node's name."""


@dataclass(frozen=True)
class Bye:
    """End a node."""

    reason: str = ""


Message = Join | Welcome | Job | Update | Beat | Again | Left | Bye
