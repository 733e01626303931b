"""Carry messages over ZeroMQ, encrypted with CURVE: one port at the server, no broker.

ZeroMQ connects again by itself. A node with another server key cannot even begin to speak.
"""

from __future__ import annotations

import re
from typing import Any

from ftte_lab.deployment.carrier import Heard
from ftte_lab.deployment.join_line import LOOPBACK, JoinLine
from ftte_lab.deployment.messages import Message
from ftte_lab.deployment.wire import WireError, from_frames, to_frames

MOST_BYTES = 256 << 20
"""The longest frame that a node takes: a complete model."""

_NAME = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_AT_ONCE = 64  # messages that are read before the server goes on with its work
_LINGER_MS = 500  # how long a socket that is closed still sends
_HANDSHAKE_MS = 5000  # whoever connects and does not speak CURVE is dropped
_RECONNECT_MS = (100, 2000)
# What ZMTP 3.1 and CurveZMQ put around a frame: name, nonce, flags and check of the message.
_CURVE_BYTES = 33
_SHORT, _SHORT_HEAD, _LONG_HEAD = 255, 2, 9


def zmq_module() -> Any:
    """Return the ZeroMQ library.

    Raises:
        ValueError: it is not installed, or cannot encrypt.
    """
    try:
        import zmq  # an extra: JupyterLab brings it, a bare node may lack it
    except ImportError as error:
        raise ValueError(
            "ZeroMQ is not installed; allowed: a machine with pyzmq. "
            "Run `pip install 'ftte_lab[real]'`."
        ) from error
    if not zmq.has("curve"):
        raise ValueError(
            "this ZeroMQ cannot encrypt; allowed: one with CURVE. Install pyzmq from its wheel."
        )
    return zmq


def is_name(name: str) -> bool:
    """Report whether a node may have this name: up to 40 letters, digits, points and hyphens.

    Example:
        >>> is_name("laptop-7"), is_name("laptop 7")
        (True, False)
    """
    return name.isascii() and bool(_NAME.fullmatch(name.encode()))


def framed_bytes(frames: list[bytes]) -> int:
    """Return the bytes that frames take inside a connection, encryption included.

    Example:
        >>> framed_bytes([b"head", bytes(1000)])
        1081
    """
    lengths = [len(frame) + _CURVE_BYTES for frame in frames]
    return sum(n + (_SHORT_HEAD if n <= _SHORT else _LONG_HEAD) for n in lengths)


class ZmqServer:
    """Move messages at the server.

    Args:
        host: the address to listen on; nobody but this machine reaches the default.
        port: to listen on; 0: any free one.
        most_bytes: the longest frame that is taken; whoever sends a longer one is cut off.
        keys: public and secret key, as ZeroMQ writes them; `None`: new ones.

    Attributes:
        address: where it listens.
        key: the public key.
        unreadable: how many messages had no readable name.

    Raises:
        ValueError: ZeroMQ is missing, or the port is taken.
    """

    def __init__(
        self,
        host: str = LOOPBACK,
        port: int = 0,
        most_bytes: int = MOST_BYTES,
        keys: tuple[bytes, bytes] | None = None,
    ) -> None:
        zmq = zmq_module()
        public, secret = keys or zmq.curve_keypair()
        self._zmq, self._context = zmq, zmq.Context()
        self._socket = socket = self._context.socket(zmq.ROUTER)
        socket.curve_server, socket.curve_secretkey = True, secret
        socket.maxmsgsize, socket.linger = most_bytes, _LINGER_MS
        socket.router_handover, socket.handshake_ivl = True, _HANDSHAKE_MS
        socket.ipv6 = ":" in host
        self.unreadable = 0
        try:
            socket.bind(f"tcp://{host}:{port or '*'}")
        except zmq.ZMQError as error:
            self.close()
            raise ValueError(
                f"cannot listen on {host}, port {port} ({error}); allowed: an address of this "
                "machine and a free port."
            ) from error
        self.address: str = socket.last_endpoint.decode().rstrip("\0")
        self.key: bytes = _key_bytes(public)

    def receive(self, wait_s: float) -> list[Heard]:
        """Return what has come, in the order of arrival; wait for the first up to `wait_s`."""
        heard: list[Heard] = []
        if not self._socket.poll(int(1000 * wait_s)):
            return heard
        for _ in range(_AT_ONCE):
            try:
                name, *frames = self._socket.recv_multipart(self._zmq.NOBLOCK)
            except self._zmq.Again:
                break
            if not _NAME.fullmatch(name):
                self.unreadable += 1
                continue
            try:
                message = from_frames(frames)
            except WireError:
                heard.append(Heard(name.decode(), None, framed_bytes(frames)))
            else:
                heard.append(Heard(name.decode(), message, framed_bytes(frames)))
        return heard

    def send(self, name: str, message: Message) -> int:
        """Send to a node, if it is there, without waiting; return the bytes with framing."""
        frames = to_frames(message)
        try:
            self._socket.send_multipart([name.encode(), *frames], self._zmq.NOBLOCK)
        except self._zmq.ZMQError:  # it is gone: its silence will be noticed
            return 0
        return framed_bytes(frames)

    def close(self) -> None:
        """Send what is still to be sent, and give back port and threads."""
        self._context.destroy(linger=_LINGER_MS)


class ZmqNode:
    """Move messages at a node.

    Args:
        line: where to, and with which key.
        name: of the node.

    Raises:
        ValueError: ZeroMQ is missing, or the name has another form.
    """

    def __init__(self, line: JoinLine, name: str) -> None:
        if not is_name(name):
            raise ValueError(f"name = {name!r:.60}; allowed: letters, digits, points and hyphens.")
        zmq = zmq_module()
        self._zmq, self._context = zmq, zmq.Context()
        self._socket = socket = self._context.socket(zmq.DEALER)
        socket.identity, socket.linger, socket.maxmsgsize = name.encode(), _LINGER_MS, MOST_BYTES
        socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
        socket.curve_serverkey = _key_text(line.key)
        socket.reconnect_ivl, socket.reconnect_ivl_max = _RECONNECT_MS
        socket.ipv6 = "[" in line.address
        socket.connect(line.address)

    def receive(self, wait_s: float) -> Message | None:
        """Return the next message; wait for it up to `wait_s`; `None`: there is none."""
        if not self._socket.poll(int(1000 * wait_s)):
            return None
        try:
            return from_frames(self._socket.recv_multipart(self._zmq.NOBLOCK))
        except (WireError, self._zmq.Again):
            return None

    def send(self, message: Message) -> None:
        """Send to the server, without waiting."""
        try:
            self._socket.send_multipart(to_frames(message), self._zmq.NOBLOCK)
        except self._zmq.Again:  # the server is away: what it does not hear, it asks for again
            return

    def close(self) -> None:
        """Give back the socket and its thread."""
        self._context.destroy(linger=_LINGER_MS)


def _key_bytes(text: bytes) -> bytes:
    from zmq.utils import z85

    return bytes(z85.decode(text))


def _key_text(key: bytes) -> bytes:
    from zmq.utils import z85

    return bytes(z85.encode(key))
