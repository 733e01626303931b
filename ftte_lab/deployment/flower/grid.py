"""Ask the grid of Flower from the process of the kit's server.

A ServerApp runs in a process that Flower starts. So the app only lends its grid: it connects to a
socket file of the kit's server and answers its questions. The server needs no part of Flower.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol

from ftte_lab.deployment.errors import DeploymentError

_MOST_BYTES = 256 << 20
_ANSWER_S = 120.0  # how long a question may take


@dataclass(frozen=True)
class Reply:
    """Hold what came back to a message.

    Attributes:
        to: name of the message.
        created_s: when it was written, by the clock of the node (s).
        problem: code and reason of Flower, if the message was not answered.
        blob: what a node answered.
        counted_bytes: of the content, as Flower counts them.
    """

    to: str
    created_s: float
    problem: str = ""
    blob: bytes = b""
    counted_bytes: int = 0


class Grid(Protocol):
    """Reach the nodes of a federation."""

    def nodes(self) -> set[int]:
        """Return the nodes that Flower has heard of lately."""

    def push(self, node: int, blob: bytes, ttl_s: float) -> tuple[str, int]:
        """Send to a node; return the name of the message, and its bytes as Flower counts them."""

    def pull(self, names: Sequence[str]) -> list[Reply]:
        """Return the replies to these messages that are there, in no order."""

    def close(self) -> None:
        """End the run of Flower."""


class LentGrid:
    """Ask the grid that a ServerApp lends.

    Args:
        app: connection to it.
    """

    def __init__(self, app: Connection) -> None:
        self._app = app

    def nodes(self) -> set[int]:
        """Return the nodes that Flower has heard of lately."""
        return set(self._asked({"ask": "nodes"}))

    def push(self, node: int, blob: bytes, ttl_s: float) -> tuple[str, int]:
        """Send to a node; return the name of the message, and its bytes as Flower counts them."""
        name, counted = self._asked({"ask": "push", "node": node, "ttl_s": ttl_s}, blob)
        return name, counted

    def pull(self, names: Sequence[str]) -> list[Reply]:
        """Return the replies to these messages that are there, in no order."""
        if not names:
            return []
        described = self._asked({"ask": "pull", "names": list(names)})
        return [
            Reply(one["to"], one["created_s"], one["problem"], self._received(), one["counted"])
            for one in described
        ]

    def close(self) -> None:
        """End the run of Flower."""
        self._app.close()

    def _asked(self, question: dict[str, Any], blob: bytes | None = None) -> Any:
        with self._there():
            self._app.send_bytes(json.dumps(question).encode())
            if blob is not None:
                self._app.send_bytes(blob)
        return json.loads(self._received())

    def _received(self) -> bytes:
        with self._there():
            if self._app.poll(_ANSWER_S):
                return self._app.recv_bytes(_MOST_BYTES)
        raise DeploymentError(f"the ServerApp of Flower was silent for {_ANSWER_S:g} s")

    @contextlib.contextmanager
    def _there(self) -> Any:
        try:
            yield
        except (EOFError, OSError) as error:
            raise DeploymentError("the ServerApp of Flower has ended") from error
