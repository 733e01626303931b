"""Hold a federation of Flower together: SuperLink, ServerApp, nodes, and the kit's server."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from ftte_lab._common import configure_process, integer, number, write_atomic
from ftte_lab.deployment.counting_proxy import CountingProxy, WireBytes
from ftte_lab.deployment.errors import DeploymentError
from ftte_lab.deployment.flower.carrier import FlowerServer
from ftte_lab.deployment.flower.door import Door
from ftte_lab.deployment.flower.grid import LentGrid
from ftte_lab.deployment.flower.processes import FlowerProcesses, Kept, free_port
from ftte_lab.deployment.flower.programs import FLWR_VERSION, flower_programs, settings
from ftte_lab.deployment.join_line import LOOPBACK, JoinLine, new_word
from ftte_lab.deployment.room import Room

MOST_NODES = 64
_LOST_S = 20.0  # Flower itself notices a node that is gone after 30 to 60 s
_LONGEST_S = 1e6
_READY_S = 90.0
_LOOK_S = 0.1
_APP = Path(__file__).with_name("app")
_CONFIG = """[superlink]
default = "here"
[superlink.here]
address = "{address}"
insecure = true
"""


class FlowerRoom(Room):
    """Serve runs to nodes over Flower, on this machine, by its programs as they are shipped.

    Args:
        nodes: how many may take part.
        lost_s: silence after which the work of a node is void, at least (s).
        count_wire: whether a proxy counts what passes between SuperLink and nodes.

    Attributes:
        folder: of its files, for its own user alone; it goes when the room is closed.
        link: the SuperLink, and with it the ServerApp.
        proxy: that counts; `None`: nobody does.

    Raises:
        ValueError: Flower is not installed here, or an argument is out of range.
        DeploymentError: Flower does not start.
    """

    def __init__(
        self, nodes: int = 4, *, lost_s: float = _LOST_S, count_wire: bool = False
    ) -> None:
        configure_process()
        nodes = integer("nodes", nodes, 1, MOST_NODES)
        lost_s = number("lost_s", lost_s, 0.1, _LONGEST_S)
        self._programs, word = flower_programs(), new_word()
        self._temporary = tempfile.TemporaryDirectory(prefix="ftte-flower-")
        self.folder = Path(self._temporary.name)
        self.link: Kept | None = None
        self.proxy: CountingProxy | None = None
        try:
            address = f"{LOOPBACK}:{free_port()}"
            self._start_link(address)
            grid = LentGrid(self._start_app(address))
            line = JoinLine(f"tcp://{address}", bytes(32), word)
            if count_wire:
                self.proxy = CountingProxy(line)
                line = self.proxy.line
            nodes_at = line.address.removeprefix("tcp://")
            processes = FlowerProcesses(self._programs, self.folder, nodes_at, word)
            self._open(nodes, FlowerServer(grid), line, processes, lost_s)
        except BaseException:
            self._close_flower()
            raise

    def close(self) -> None:
        """End all nodes, the run of Flower and its SuperLink."""
        try:
            super().close()
        finally:
            self._close_flower()

    def versions(self) -> dict[str, str]:
        """Return the version of what moves the messages, by name."""
        return {"flwr": FLWR_VERSION}

    def overheads(self) -> dict[str, int]:
        """Return the memory of SuperLink and ServerApp, and the bytes between it and its nodes."""
        held = 0 if self.link is None else self.link.memory_bytes()
        wire = WireBytes() if self.proxy is None else self.proxy.wire
        return {"server_bytes": held, "wire_down_bytes": wire.down, "wire_up_bytes": wire.up}

    def _start_link(self, address: str) -> None:
        home = self.folder / "link"
        home.mkdir()
        port = address.rpartition(":")[2]
        program = str(self._programs / "flower-superlink")
        command = [program, "--insecure", "--host", LOOPBACK, "--port", port]
        environment = settings(self._programs, home)
        self.link = Kept(command, environment, self.folder, "superlink")
        self._wait(lambda: _listens(int(port)), "the SuperLink of Flower")

    def _start_app(self, address: str) -> Connection:
        """Start the ServerApp, and return the connection to it."""
        home, app = self.folder / "home", self.folder / "app"
        home.mkdir()
        write_atomic(home / "config.toml", _CONFIG.format(address=address).encode())
        shutil.copytree(_APP, app, ignore=shutil.ignore_patterns("__pycache__"))
        door = Door(self.folder / "door")
        try:
            self._flwr_run(app, home, self.folder / "door")
            found: list[Connection] = []

            def there() -> bool:
                visitor = door.visitor(_LOOK_S)
                found.extend([] if visitor is None else [visitor])
                return bool(found)

            self._wait(there, "the ServerApp of Flower")
        finally:
            door.close()
        return found[0]

    def _flwr_run(self, app: Path, home: Path, door: Path) -> None:
        done = subprocess.run(  # noqa: S603
            [str(self._programs / "flwr"), "run", str(app), "--run-config", f'door="{door}"'],
            env=settings(self._programs, home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_READY_S,
        )
        if done.returncode:
            raise DeploymentError(f"`flwr run` failed: {_last_line(done.stdout + done.stderr)}")

    def _wait(self, ready: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + _READY_S
        while not ready():
            over = time.monotonic() > until
            if over or (self.link is not None and self.link.process.poll() is not None):
                log = "" if self.link is None else _last_line(self.link.text())
                raise DeploymentError(f"{what} did not start; its last line: {log}")
            time.sleep(_LOOK_S)

    def _close_flower(self) -> None:
        if self.proxy is not None:
            self.proxy.close()
        if self.link is not None:
            self.link.close()
        self._temporary.cleanup()


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex((LOOPBACK, port)) == 0


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "none"
