"""Start node processes on this machine, and end them whatever happens.

A node process reads its join line and its secret key from its standard input, which stays open:
when it is closed, because whoever started the process has ended in whatever way, the node ends as
well.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from ftte_lab.deployment.join_line import JoinLine
from ftte_lab.deployment.zmq_carrier import new_secret

_END_S = 3.0  # how long a node may take to end by itself


def resident_bytes(process: int) -> int:
    """Return the memory of a process, what it shares with others divided; 0 where unknown.

    Args:
        process: its number.
    """
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:  # another system, or the process has ended
        return 0
    found = [line.split()[1] for line in lines if line.startswith("Pss:")]
    return 1024 * int(found[0]) if found else 0


class StartedNodes(Protocol):
    """Start, watch and end the nodes of this machine, whatever carries their messages."""

    processes: dict[str, subprocess.Popen[bytes]]

    def start(self, name: str) -> None:
        """Start a node, or start it again."""

    def ended(self) -> list[str]:
        """Return the nodes of which a process has ended."""

    def kill(self, name: str) -> None:
        """End a node at once, as a power cut would."""

    def memory_bytes(self, name: str) -> int:
        """Return the memory of a node, what it shares with others divided; 0 where unknown."""

    def close(self) -> None:
        """End all nodes, and wait until nothing of them is left."""


class NodeProcesses:
    """Hold the node processes that were started here.

    Args:
        line: which server they join.

    Attributes:
        processes: by the name of the node.
    """

    def __init__(self, line: JoinLine) -> None:
        self._line = line
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._secrets: dict[str, bytes] = {}

    def start(self, name: str) -> None:
        """Start a node, or start it again.

        Raises:
            OSError: no further process is allowed.
        """
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        command = ["-P", "-m", "ftte_lab.deployment", "join", "-", "--name", name]
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
        )
        self.processes[name] = process
        if process.stdin is not None:
            with contextlib.suppress(OSError):  # it has ended already: `ended` says so
                secret = self._secrets.setdefault(name, new_secret())
                process.stdin.write(self._line.text().encode() + b"\n" + secret + b"\n")
                process.stdin.flush()

    def ended(self) -> list[str]:
        """Return the nodes whose process has ended."""
        return [name for name, one in self.processes.items() if one.poll() is not None]

    def kill(self, name: str) -> None:
        """End a node at once, as a power cut would."""
        process = self.processes[name]
        process.kill()
        process.wait()
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()

    def memory_bytes(self, name: str) -> int:
        """Return the memory of a node, what it shares with others divided; 0 where unknown."""
        return resident_bytes(self.processes[name].pid)

    def close(self) -> None:
        """End all nodes, and wait until nothing of them is left."""
        for process in self.processes.values():
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
        for name, process in self.processes.items():
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self.kill(name)
        self.processes.clear()
