"""Carry messages over Flower, in which nodes never speak first: they only answer.

A node that is seen for the first time is greeted, and answers with its `Join`. A welcome waits for
the first job, so that both travel together. What a node would say by itself is read from Flower's
list of nodes: a `Beat` while it is on it, a `Left` once it is not, or once a message has failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from ftte_lab.deployment.carrier import Heard
from ftte_lab.deployment.flower.grid import Grid, Reply
from ftte_lab.deployment.flower.letters import Letters, from_blob, to_blob
from ftte_lab.deployment.messages import Again, Beat, Bye, Job, Join, Left, Message, Welcome
from ftte_lab.deployment.wire import WireError

TTL_S = 600.0
"""How long Flower keeps a message that nobody answers; its own 12 hours would hide a failure."""

_LIST_S = 1.0  # how often the list of nodes is read
_PULL_S = 0.2  # how often replies are looked for: each look is some requests


class FlowerServer:
    """Move messages at the server.

    Args:
        grid: of Flower.
        clock: seconds.
        pause: waits so many seconds.
    """

    def __init__(
        self,
        grid: Grid,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._grid, self._clock, self._pause = grid, clock, pause
        self._list_at = self._pull_at = clock()
        self._greeted: set[int] = set()
        self._key_of: dict[int, str] = {}
        self._node_of: dict[str, int] = {}
        self._sent: dict[str, int] = {}
        self._welcomes: dict[str, Welcome] = {}

    def receive(self, wait_s: float) -> list[Heard]:
        """Return what has come, in the order in which it was written; wait up to `wait_s`."""
        rest_s = min(self._list_at, self._pull_at) - self._clock()
        if rest_s > 0:
            self._pause(min(rest_s, wait_s))
        heard: list[Heard] = []
        if self._clock() >= self._list_at:
            heard += self._presence()
            self._list_at = self._clock() + _LIST_S
        if self._clock() >= self._pull_at:
            replies = self._grid.pull(list(self._sent))
            for reply in sorted(replies, key=lambda one: one.created_s):  # they come in no order
                heard += self._answer(reply)
            self._pull_at = self._clock() + _PULL_S
        return heard

    def send(self, key: str, message: Message) -> int:
        """Send to the node with this key, if it is there; return the bytes that Flower counts."""
        node = self._node_of.get(key)
        if node is None:
            return 0
        if isinstance(message, Welcome):
            self._welcomes[key] = message
        elif isinstance(message, Again):  # greet it again: it answers with a `Join`
            del self._node_of[key]
            self._greeted.discard(node)
        elif isinstance(message, Bye):  # it stays greeted, so that nobody asks it again
            del self._node_of[key]
        elif isinstance(message, Job):
            welcome = self._welcomes.pop(key, None)
            return self._push(node, [message] if welcome is None else [welcome, message])
        return 0

    def close(self) -> None:
        """End the run of Flower."""
        self._grid.close()

    def _push(self, node: int, messages: list[Message]) -> int:
        name, counted = self._grid.push(node, to_blob(Letters(messages)), TTL_S)
        self._sent[name] = node
        return counted

    def _presence(self) -> Iterator[Heard]:
        """Greet who is new, and report who is there and who is gone."""
        there = self._grid.nodes()
        for node in sorted(there - self._greeted):
            self._greeted.add(node)
            self._push(node, [])
        for key, node in list(self._node_of.items()):
            if node not in there:
                del self._node_of[key]
            yield Heard(key, Beat() if node in there else Left())

    def _answer(self, reply: Reply) -> Iterator[Heard]:
        node = self._sent.pop(reply.to, None)
        if node is None:
            return
        known = self._key_of.get(node)
        if reply.problem:
            self._greeted.discard(node)  # if it is still there, it may join again
            if known is not None and self._node_of.get(known) == node:
                del self._node_of[known]
                yield Heard(known, Left())
            return
        try:
            letters = from_blob(reply.blob)
            [message] = letters.messages
        except (WireError, ValueError):
            yield Heard(known or str(node), None, reply.counted_bytes)
            return
        if isinstance(message, Join):
            self._key_of[node] = known = letters.key
            self._node_of[known] = node
        same = known == letters.key
        yield Heard(known or str(node), message if same else None, reply.counted_bytes)
