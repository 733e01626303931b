"""Show at a node what it sends, byte by byte, and let its owner slow it down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ftte_lab._common import number
from ftte_lab.deployment.carrier import NodeCarrier
from ftte_lab.deployment.messages import (
    NOT_MEASURED,
    Beat,
    Held,
    Job,
    Join,
    Message,
    Update,
    Welcome,
)
from ftte_lab.deployment.wire import to_frames

_SHOWN_BYTES = 16
SLOWEST, FASTEST = 0.01, 1.0
"""Range of a node's own speed, as a share of the speed that the server asks for."""


class ShownCarrier:
    """Pass messages on, and tell what passes.

    Args:
        carrier: to the server.
        tell: called with each line.
        speed: share of the speed that the server asks for; below 1 the node takes longer.

    Raises:
        ValueError: a speed out of range.
    """

    def __init__(
        self, carrier: NodeCarrier, tell: Callable[[str], None], speed: float = 1.0
    ) -> None:
        self._carrier, self._tell = carrier, tell
        self._speed = number("speed", speed, SLOWEST, FASTEST)
        self.sent_bytes, self._held = 0, NOT_MEASURED

    def receive(self, wait_s: float) -> Message | None:
        """Return the next message; a job of a slowed node takes longer."""
        message = self._carrier.receive(wait_s)
        if isinstance(message, Welcome):
            self._tell(
                f"a run begins: you play {', '.join(f'person {k}' for k in message.clients)}"
            )
        if not isinstance(message, Job):
            return message
        down, compute, up = (seconds / self._speed for seconds in message.pace)
        self._tell(f"received job {message.number}: {message.payload_bytes:,} bytes of the model")
        return replace(message, pace=(down, compute, up))

    def send(self, message: Message) -> None:
        """Send, and tell which bytes; heartbeats are only counted."""
        frames = to_frames(message)
        self.sent_bytes += sum(map(len, frames))
        self._carrier.send(message)
        if isinstance(message, Join):  # the word stays unseen
            self._tell(f"sent join as {message.name}")
        elif not isinstance(message, Beat):
            for line in as_lines(message):
                self._tell(line)
        if isinstance(message, Update) and message.held != self._held:
            self._held = message.held
            self._tell(as_memory(message.held))

    def close(self) -> None:
        """Give back what the carrier holds."""
        self._carrier.close()


def as_memory(held: Held) -> str:
    """Return what a training step holds on a node, as a line for its owner.

    Example:
        >>> as_memory((41000, 0, 4))
        'a training step with 4 samples at once holds 40.0 KiB of tensors at its peak'
    """
    peak, _, at_once = held
    samples = f"{at_once} sample{'s' * (at_once != 1)} at once"
    return f"a training step with {samples} holds {peak / 1024:.1f} KiB of tensors at its peak"


def as_lines(message: Message) -> list[str]:
    """Return what is sent for a message, frame by frame, as lines for its sender.

    Example:
        >>> for line in as_lines(Update(7, b"abc")):
        ...     print(line)
        sent update: 3 frames, 152 bytes
          93 bytes   {"kind": "update", "arrays": [["payload", "|u1", [3]], ["numbers", "<f8" ...
          3 bytes    61 62 63
          56 bytes   00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 ...
    """
    head, *rest = to_frames(message)
    total = len(head) + sum(map(len, rest))
    kind = type(message).__name__.lower()
    text = head.decode()
    lines = [f"sent {kind}: {1 + len(rest)} frames, {total:,} bytes"]
    lines.append(f"  {f'{len(head):,} bytes':<9}  {text[:72]}{' ...' if len(text) > 72 else ''}")
    for frame in rest:
        more = " ..." if len(frame) > _SHOWN_BYTES else ""
        shown = frame[:_SHOWN_BYTES].hex(" ")
        lines.append(f"  {f'{len(frame):,} bytes':<9}  {shown}{more}")
    if isinstance(message, Update):
        return lines
    return lines[:2]
