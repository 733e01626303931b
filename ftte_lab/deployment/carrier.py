"""State what a carrier must do: move messages between one server and its nodes.

The loops of server and node are written once on these few methods. Each side of a carrier belongs
to one thread. An engine in which nodes only answer (Flower) fits as well: its carrier gives a
`Join` for each node that it sees for the first time, a `Beat` for each that is there, and a `Left`
for each that it reports as gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ftte_lab.deployment.messages import Message


@dataclass(frozen=True)
class Heard:
    """Hold what came from a node.

    Attributes:
        key: of the node; the carrier has proven it, so nobody else can speak with it.
        message: what it sent; `None`: nothing that can be read.
        framed_bytes: its length with everything that the carrier puts around it.
    """

    key: str
    message: Message | None
    framed_bytes: int = 0


class ServerCarrier(Protocol):
    """Move messages at the server. Nothing that a node sends may raise an error here."""

    def receive(self, wait_s: float) -> list[Heard]:
        """Return what has come, in the order of arrival; wait for the first up to `wait_s`."""

    def send(self, key: str, message: Message) -> int:
        """Send to the node with this key, if it is there; return the bytes with framing."""

    def close(self) -> None:
        """Send what is still to be sent, and give back ports and threads."""


class NodeCarrier(Protocol):
    """Move messages at a node."""

    def receive(self, wait_s: float) -> Message | None:
        """Return the next message; wait for it up to `wait_s`; `None`: there is none."""

    def send(self, message: Message) -> None:
        """Send to the server, without waiting."""

    def close(self) -> None:
        """Give back ports and threads."""
