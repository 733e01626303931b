"""Stand between nodes and server on this machine: count every byte, and play a slow link."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ftte_lab._common import number
from ftte_lab.deployment.join_line import LOOPBACK, JoinLine

_AT_ONCE = 1 << 14
_FASTEST_BPS = 1e12


@dataclass
class WireBytes:
    """Hold the bytes that passed.

    Attributes:
        down: towards the nodes.
        up: towards the server.
        connections: how many were made.
    """

    down: int = 0
    up: int = 0
    connections: int = 0


class CountingProxy:
    """Pass bytes between nodes and a server of this machine, and count them as they are framed.

    It sees what an eavesdropper would see: lengths and times, no content.

    Args:
        line: of the server.
        downlink_bps: speed towards each node (bit/s); `None`: as fast as it goes.
        uplink_bps: the same, towards the server.

    Attributes:
        line: what a node needs to join through the proxy.
        wire: the bytes so far.

    Raises:
        ValueError: a speed out of range, or a server on another machine.
    """

    def __init__(
        self, line: JoinLine, downlink_bps: float | None = None, uplink_bps: float | None = None
    ) -> None:
        for name, speed in (("downlink_bps", downlink_bps), ("uplink_bps", uplink_bps)):
            if speed is not None:
                number(name, speed, 1, _FASTEST_BPS)
        host, _, port = line.address.removeprefix("tcp://").rpartition(":")
        if host != LOOPBACK:
            raise ValueError(f"a server on {host}; allowed: one on {LOOPBACK}.")
        self._server, self._speeds = (host, int(port)), (downlink_bps, uplink_bps)
        self._listens = socket.create_server((LOOPBACK, 0))
        self._open: list[socket.socket] = []
        self._lock, self.wire = threading.Lock(), WireBytes()
        port_here = self._listens.getsockname()[1]
        self.line = JoinLine(f"tcp://{LOOPBACK}:{port_here}", line.key, line.word)
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def close(self) -> None:
        """Cut all connections."""
        with self._lock:
            sockets, self._open = [self._listens, *self._open], []
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                node, _ = self._listens.accept()
                server = socket.create_connection(self._server)
            except OSError:  # closed, or the server is gone
                return
            with self._lock:
                self._open += [node, server]
                self.wire.connections += 1
            down_bps, up_bps = self._speeds
            for source, target, speed, count in (
                (server, node, down_bps, self._down),
                (node, server, up_bps, self._up),
            ):
                threading.Thread(
                    target=_pass, args=(source, target, speed, count), daemon=True
                ).start()

    def _down(self, count: int) -> None:
        with self._lock:
            self.wire.down += count

    def _up(self, count: int) -> None:
        with self._lock:
            self.wire.up += count


def _pass(
    source: socket.socket,
    target: socket.socket,
    speed_bps: float | None,
    count: Callable[[int], None],
) -> None:
    """Pass bytes one way until an end is closed, no faster than the link."""
    free_s = 0.0  # when the link has sent all that it took
    with contextlib.suppress(OSError):
        while content := source.recv(_AT_ONCE):
            count(len(content))
            if speed_bps is not None:
                free_s = max(free_s, time.monotonic()) + 8 * len(content) / speed_bps
                time.sleep(max(0.0, free_s - time.monotonic()))
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)
