"""Carry messages over ZeroMQ, encrypted with CURVE: one port at the server, no broker.

ZeroMQ connects again by itself. A node with another server key cannot even begin to speak. The
handshake proves the key of each node, so the server knows a node by it, whatever the connection.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from ftte_lab.deployment.carrier import Heard
from ftte_lab.deployment.join_line import LOOPBACK, JoinLine
from ftte_lab.deployment.messages import Message
from ftte_lab.deployment.wire import WireError, from_frames, to_frames

MOST_BYTES = 256 << 20
"""The longest frame that a node takes: a complete model."""

_AT_ONCE = 64  # messages that are read before the server goes on with its work
_LINGER_MS = 500  # how long a socket that is closed still sends
_HANDSHAKE_MS = 5000  # whoever connects and does not speak CURVE is dropped
_KEY_BYTES = 32
_RECONNECT_MS = (100, 2000)
# What ZMTP 3.1 and CurveZMQ put around a frame: name, nonce, flags and check of the message.
_CURVE_BYTES = 33
_MOST_ROUTES = 5000  # keys whose newest connection is known; the one silent for longest goes first
_ADMISSION = "inproc://zeromq.zap.01"  # where ZeroMQ asks who may connect (ZAP, RFC 27)
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
        socket.handshake_ivl, socket.zap_domain = _HANDSHAKE_MS, b"nodes"
        socket.ipv6 = ":" in host
        self._routes: OrderedDict[str, bytes] = OrderedDict()
        self._admit()
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
                route, *parts = self._socket.recv_multipart(self._zmq.NOBLOCK, copy=False)
            except self._zmq.Again:
                break
            if not parts:
                continue
            key, frames = str(parts[-1].get("User-Id")), [part.bytes for part in parts]
            self._routes[key] = route.bytes
            self._routes.move_to_end(key)
            if len(self._routes) > _MOST_ROUTES:
                self._routes.popitem(last=False)
            try:
                message = from_frames(frames)
            except WireError:
                heard.append(Heard(key, None, framed_bytes(frames)))
            else:
                heard.append(Heard(key, message, framed_bytes(frames)))
        return heard

    def send(self, key: str, message: Message) -> int:
        """Send to the node with this key, if it is there; return the bytes with framing."""
        frames, route = to_frames(message), self._routes.get(key)
        if route is None:
            return 0
        try:
            self._socket.send_multipart([route, *frames], self._zmq.NOBLOCK)
        except self._zmq.ZMQError:  # it is gone: its silence will be noticed
            return 0
        return framed_bytes(frames)

    def close(self) -> None:
        """Send what is still to be sent, and give back port and threads."""
        self._socket.close(_LINGER_MS)
        self._context.term()

    def _admit(self) -> None:
        """Let every key in, and note it: what it may do is decided above."""
        zmq, context = self._zmq, self._context
        asked = context.socket(zmq.REP)
        asked.bind(_ADMISSION)

        def answer() -> None:
            while True:
                try:
                    question = asked.recv_multipart()
                    version, number, *_, key = question
                    known = _key_text(key) if len(key) == _KEY_BYTES else b""
                    status = (b"200", b"OK") if known else (b"400", b"no key")
                    asked.send_multipart([version, number, *status, known, b""])
                except zmq.ZMQError:  # the server is closed
                    asked.close(0)
                    return

        threading.Thread(target=answer, name="admission", daemon=True).start()


class ZmqNode:
    """Move messages at a node.

    Args:
        line: where to, and with which key.
        secret: key of the node, as ZeroMQ writes it; `None`: a new one, which nobody knows again.

    Raises:
        ValueError: ZeroMQ is missing, or the secret has another form.
    """

    def __init__(self, line: JoinLine, secret: bytes | None = None) -> None:
        zmq = zmq_module()
        self._zmq, self._context = zmq, zmq.Context()
        self._socket = socket = self._context.socket(zmq.DEALER)
        socket.linger, socket.maxmsgsize = _LINGER_MS, MOST_BYTES
        secret = new_secret() if secret is None else secret
        socket.curve_publickey, socket.curve_secretkey = _public(secret), secret
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


def new_secret() -> bytes:
    """Return a new secret key, as ZeroMQ writes it.

    Raises:
        ValueError: ZeroMQ is missing.
    """
    return bytes(zmq_module().curve_keypair()[1])


def _public(secret: bytes) -> bytes:
    zmq = zmq_module()
    try:
        return bytes(zmq.curve_public(secret))
    except (ValueError, zmq.ZMQError) as error:
        raise ValueError("a secret key of another form; allowed: 40 characters.") from error


def _key_bytes(text: bytes) -> bytes:
    from zmq.utils import z85

    return bytes(z85.decode(text))


def _key_text(key: bytes) -> bytes:
    from zmq.utils import z85

    return bytes(z85.encode(key))
