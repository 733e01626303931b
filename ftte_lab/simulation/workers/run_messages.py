"""Say what a process and the worker that computes whole runs for it tell each other.

Each frame's number says what its body is. To the worker: begin a run, send more of its events, end
all runs of a race (those whose events are merged). From it: an event, or that a run failed there.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import asdict, dataclass

import numpy as np

from ftte_lab.models import pack
from ftte_lab.simulation.prepared import Prepared

BEGIN, MORE, END = 2, 3, 4
"""Numbers of the frames to a worker."""
EVENT, PREPARED, FAILED = 2, 3, 4
"""Numbers of the frames from a worker, besides `ALIVE` and `LOADED`."""

ADDRESS = struct.Struct("<QI")
"""What a body from a worker begins with: the race, and which of its runs."""
COUNT = struct.Struct("<QII")
"""The body of `MORE`: the race, the run, and how many more events it may send."""
RACE = struct.Struct("<Q")
"""The body of `END`."""


@dataclass(frozen=True)
class RunOrder:
    """Ask a worker for a run.

    Attributes:
        race: number of the runs whose events are merged; they end together.
        run: which of them.
        scenario: the run, as JSON.
        skip: how many events after `Ready` are known already, and need not be sent.
        ahead: how many events it may send before it is asked for more.
        processes: how many may train, as for `simulate`.
        folder: where prepared parts are kept; empty: nowhere.
        data_home: the value of FTTE_DATA_HOME; empty: not set.
    """

    race: int
    run: int
    scenario: str
    skip: int
    ahead: int
    processes: int
    folder: str
    data_home: str

    def to_bytes(self) -> bytes:
        """Return the body of `BEGIN`."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, body: bytes) -> RunOrder:
        """Read the body of `BEGIN`."""
        return cls(**json.loads(body))


def fingerprint(prepared: Prepared) -> bytes:
    """Return a checksum of what a run follows from: a worker that has another one is not used."""
    timeline = prepared.timeline
    check = zlib.crc32(prepared.scenario.to_json().encode())
    check = zlib.crc32(prepared.tiers.union.subset.to_json().encode(), check)
    check = zlib.crc32(pack(prepared.federation.params), check)
    for column in (timeline.client, timeline.version, timeline.arrival_s, timeline.step_s):
        check = zlib.crc32(np.ascontiguousarray(column).data, check)
    return check.to_bytes(4, "little")
