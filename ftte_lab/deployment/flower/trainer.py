"""Train for a node of Flower: a process that lives as long as the node, behind a socket file.

It follows the server with the very loop of a node over ZeroMQ; only its carrier is another one.
"""

from __future__ import annotations

import contextlib
import json
import math
import signal
import sys
import threading
from collections import deque
from multiprocessing.connection import Connection
from pathlib import Path

from ftte_lab._common import configure_process, say
from ftte_lab.deployment.flower.door import Door
from ftte_lab.deployment.flower.letters import Letters, from_blob, to_blob
from ftte_lab.deployment.messages import Job, Join, Message, Update
from ftte_lab.deployment.node_loop import follow
from ftte_lab.deployment.wire import WireError

_MOST_BYTES = 256 << 20
_LETTER_S = 10.0  # how long a ClientApp may take to hand over what it brings


class FlowerNode:
    """Move messages at a node: a ClientApp brings a job, waits, and takes the update along.

    Flower may bring a job twice, for example when it started a ClientApp again. Then the update is
    handed out again, or goes to the newer ClientApp once it is there.

    Args:
        door: where ClientApps come in.
        key: by which the server knows this node again.
    """

    def __init__(self, door: Door, key: str) -> None:
        self._door, self._key = door, key
        self._join: Join | None = None
        self._waits: Connection | None = None
        self._doing, self._done = -1, (-1, b"")
        self._letters: deque[Message] = deque()

    def receive(self, wait_s: float) -> Message | None:
        """Return the next message; wait for it up to `wait_s`; `None`: there is none."""
        if not self._letters:
            visitor = self._door.visitor(wait_s)
            if visitor is not None:
                with contextlib.suppress(EOFError, OSError, WireError):
                    self._take(visitor)
        return self._letters.popleft() if self._letters else None

    def send(self, message: Message) -> None:
        """Answer with a join or an update; the SuperNode itself shows that the node is there."""
        if isinstance(message, Join):
            self._join = message
        elif isinstance(message, Update):
            blob = to_blob(Letters([message], self._key))
            self._done = (message.number, blob)
            if self._waits is not None:
                _hand(self._waits, blob)
            self._waits = None

    def close(self) -> None:
        """Give back the socket."""
        self._door.close()
        if self._waits is not None:
            self._waits.close()

    def _take(self, visitor: Connection) -> None:
        """Take what a ClientApp brings; answer at once what needs no training."""
        if not visitor.poll(_LETTER_S):
            return visitor.close()
        letters = from_blob(visitor.recv_bytes(_MOST_BYTES))
        job = next((one for one in letters.messages if isinstance(one, Job)), None)
        if job is None:
            answer = [] if self._join is None else [self._join]
            return _hand(visitor, to_blob(Letters(answer, self._key)))
        if job.number == self._done[0]:
            return _hand(visitor, self._done[1])
        if self._waits is not None:
            self._waits.close()
        self._waits = visitor
        if job.number != self._doing:
            self._doing = job.number
            self._letters.extend(letters.messages)
        return None


def _hand(visitor: Connection, blob: bytes) -> None:
    with contextlib.suppress(OSError):  # it has ended: Flower will start another one
        visitor.send_bytes(blob)
    visitor.close()


def main() -> int:
    """Train until standard input is closed: whoever started this process has ended."""
    configure_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    order, ends = json.loads(sys.stdin.readline()), threading.Event()

    def watch() -> None:
        while sys.stdin.read(4096):
            pass
        ends.set()

    threading.Thread(target=watch, daemon=True).start()
    node = FlowerNode(Door(Path(order["door"])), order["key"])
    try:
        join = Join(order["word"], order["name"])
        follow(node, join, patience_s=math.inf, unwanted=ends.is_set)
    except ValueError as error:
        say(f"ftte_lab: {error}", sys.stderr)
        return 2
    finally:
        node.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
