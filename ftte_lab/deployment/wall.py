"""Show a class its fleet on one page: a small server for this machine alone, with a token."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ftte_lab.deployment.join_line import LOOPBACK
from ftte_lab.deployment.wall_page import PAGE

_MOST_BYTES = 1000  # of a command
COMMANDS = ("start", "pause", "go on", "kick", "end")
"""What a page may ask for."""
Command = tuple[str, str]
_RULES = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)
_TEXT, _JSON, _HTML = "text/plain", "application/json", "text/html; charset=utf-8"


class Wall:
    """Serve the page of a class, to programs of this machine that know its token.

    Args:
        state: returns what the page shows, as plain values; called by other threads.
        port: to listen on; 0: any free one.

    Attributes:
        commands: what was asked for on the page, with the name of a node or "".

    Raises:
        ValueError: the port is taken.
    """

    def __init__(self, state: Callable[[], dict[str, Any]], port: int = 0) -> None:
        self.commands: SimpleQueue[Command] = SimpleQueue()
        token = secrets.token_urlsafe(16)
        try:
            self._server = _Server(port, state, token, self.commands)
        except OSError as error:
            raise ValueError(f"port {port} is taken; allowed: a free port, or 0.") from error
        self.address = f"http://{LOOPBACK}:{self._server.server_port}/?token={token}"
        threading.Thread(target=self._server.serve_forever, name="wall", daemon=True).start()

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """Hold what the handlers of requests need."""

    daemon_threads = True

    def __init__(
        self,
        port: int,
        state: Callable[[], dict[str, Any]],
        token: str,
        commands: SimpleQueue[Command],
    ) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.state, self.token, self.commands = state, token, commands


class _Handler(BaseHTTPRequestHandler):
    """Answer whoever knows the token."""

    server: _Server

    def do_GET(self) -> None:
        """Answer with the page, or with what it shows."""
        path = urlsplit(self.path).path
        if not self._known():
            self._answer(403, _TEXT, b"no token")
        elif path == "/":
            self._answer(200, _HTML, PAGE.encode())
        elif path == "/state":
            self._answer(200, _JSON, json.dumps(self.server.state()).encode())
        else:
            self._answer(404, _TEXT, b"not here")

    def do_POST(self) -> None:
        """Take a command."""
        length = self.headers.get("Content-Length", "")
        if not self._known():
            self._answer(403, _TEXT, b"no token")
        elif not length.isdecimal() or int(length) > _MOST_BYTES:
            self._answer(400, _TEXT, b"no command")
        else:
            text = self.rfile.read(int(length)).decode("utf-8", "replace")
            what, _, name = text.partition("\n")
            if what in COMMANDS:
                self.server.commands.put((what, name))
            self._answer(204 if what in COMMANDS else 400, _TEXT, b"")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: the terminal belongs to the class."""

    def _known(self) -> bool:
        given = parse_qs(urlsplit(self.path).query).get("token", [""])[0]
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.server.token.encode())

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(content))),
            ("Content-Security-Policy", _RULES),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
