"""Start the SuperLink and the nodes of Flower on this machine, and end them whatever happens."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ftte_lab.deployment.flower.programs import settings
from ftte_lab.deployment.join_line import LOOPBACK
from ftte_lab.deployment.node_processes import resident_bytes

_END_S = 12.0  # how long the processes of a keeper may take to end
_KEEPER = Path(__file__).with_name("keeper.py")


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as one:
        one.bind((LOOPBACK, 0))
        return int(one.getsockname()[1])


class Kept:
    """Start a program of Flower under a keeper, in a process group of its own.

    Args:
        command: the program with its options.
        environment: of the program.
        folder: where it runs and writes its log.
        name: of the log.
    """

    def __init__(
        self, command: list[str], environment: Mapping[str, str], folder: Path, name: str
    ) -> None:
        self.log = folder / f"{name}.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", str(_KEEPER), *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )

    def text(self) -> str:
        """Return the log."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def memory_bytes(self) -> int:
        """Return the memory of all its processes, what is shared divided; 0 where unknown."""
        return sum(map(resident_bytes, processes_under(self.process.pid)))

    def release(self) -> None:
        """Ask the keeper to end everything."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def kill(self) -> None:
        """End everything at once, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.release()

    def close(self) -> None:
        """End everything, and wait until nothing of it is left."""
        self.release()
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.kill()


class FlowerProcesses:
    """Hold the nodes that were started here: of each, a SuperNode as shipped and its trainer.

    Args:
        programs: folder of Flower's programs.
        folder: of this federation; the own user alone may enter it.
        address: of the SuperLink.
        word: what a node must know.

    Attributes:
        processes: the trainers, by the name of the node.
        nodes: the SuperNodes, by the same names.
    """

    def __init__(self, programs: Path, folder: Path, address: str, word: str) -> None:
        self._programs, self._folder = programs, folder
        self._address, self._word = address, word
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.nodes: dict[str, Kept] = {}
        self._keys: dict[str, str] = {}

    def start(self, name: str) -> None:
        """Start a node, or start it again.

        Raises:
            OSError: no further process is allowed.
        """
        if name in self.processes:
            self.kill(name)
        home, door = self._folder / name, self._folder / f"{name}.door"
        home.mkdir(exist_ok=True)
        door.unlink(missing_ok=True)
        self.processes[name] = self._trainer(name, door)
        command = [
            str(self._programs / "flower-supernode"),
            "--insecure",
            *("--superlink", self._address),
            *("--port", str(free_port())),
            *("--node-config", f"door={json.dumps(str(door))}"),
        ]
        environment = settings(self._programs, home)
        self.nodes[name] = Kept(command, environment, self._folder, name)

    def ended(self) -> list[str]:
        """Return the nodes of which a process has ended."""
        return [
            name
            for name, trainer in self.processes.items()
            if trainer.poll() is not None or self.nodes[name].process.poll() is not None
        ]

    def kill(self, name: str) -> None:
        """End a node at once, as a power cut would."""
        trainer = self.processes[name]
        trainer.kill()
        self.nodes[name].kill()
        trainer.wait()
        if trainer.stdin is not None:
            with contextlib.suppress(OSError):
                trainer.stdin.close()

    def memory_bytes(self, name: str) -> int:
        """Return the memory of a node, its trainer included; 0 where unknown."""
        return self.nodes[name].memory_bytes() + resident_bytes(self.processes[name].pid)

    def close(self) -> None:
        """End all nodes, and wait until nothing of them is left."""
        for node in self.nodes.values():
            node.release()
        for name, trainer in self.processes.items():
            if trainer.stdin is not None:
                with contextlib.suppress(OSError):
                    trainer.stdin.close()
            try:
                trainer.wait(_END_S)
            except subprocess.TimeoutExpired:
                self.kill(name)
        for node in self.nodes.values():
            node.close()
        self.nodes.clear()
        self.processes.clear()

    def _trainer(self, name: str, door: Path) -> subprocess.Popen[bytes]:
        root = str(Path(__file__).parents[3])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ftte_lab.deployment.flower.trainer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
        )
        key = self._keys.setdefault(name, secrets.token_hex(16))
        order = {"door": str(door), "key": key, "word": self._word, "name": name}
        if process.stdin is not None:
            with contextlib.suppress(OSError):  # it has ended already: `ended` reports it
                process.stdin.write(json.dumps(order).encode() + b"\n")
                process.stdin.flush()
        return process


def processes_under(first: int) -> list[int]:
    """Return a process and all that it has started, and they; none where the system lists none.

    Args:
        first: number of the process.
    """
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            if fields[0] != "Z":  # a zombie has ended
                parents[int(stat.parent.name)] = int(fields[1])
    found = [first] if first in parents else []
    for process in found:  # it grows meanwhile
        found += [child for child, parent in parents.items() if parent == process]
    return found
