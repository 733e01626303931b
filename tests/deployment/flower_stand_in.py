"""A small stand-in for Flower: a grid that hands messages to trainers and collects what they say.

The trainers are threads with their own doors, as the kit's trainers are processes. As in Flower, a
node is one message at a time, replies come in no order, and a node that is gone leaves the list.
"""

import itertools
import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Client
from pathlib import Path
from types import TracebackType

from ftte_lab.deployment import Room
from ftte_lab.deployment.flower.carrier import FlowerServer
from ftte_lab.deployment.flower.door import Door
from ftte_lab.deployment.flower.grid import Reply
from ftte_lab.deployment.flower.trainer import FlowerNode
from ftte_lab.deployment.join_line import JoinLine
from ftte_lab.deployment.messages import Join
from ftte_lab.deployment.node_loop import follow
from ftte_lab.deployment.node_processes import NodeProcesses

WORD = "green-tea"


class FakeGrid:
    """Keep what is pushed; what comes back is set by the test."""

    def __init__(self, *nodes: int) -> None:
        self.there = set(nodes)
        self.pushed: list[tuple[str, int, bytes]] = []
        self.replies: list[Reply] = []
        self.closed = False

    def nodes(self) -> set[int]:
        return set(self.there)

    def push(self, node: int, blob: bytes, ttl_s: float) -> tuple[str, int]:
        assert 0 < ttl_s < 3600
        self.pushed.append((f"m{len(self.pushed)}", node, blob))
        return self.pushed[-1][0], len(blob)

    def pull(self, names: Sequence[str]) -> list[Reply]:
        found = [reply for reply in self.replies if reply.to in names]
        self.replies = [reply for reply in self.replies if reply.to not in names]
        return found

    def close(self) -> None:
        self.closed = True


class ThreadGrid(FakeGrid):
    """Hand each message to the trainer behind a door; give the replies back newest first."""

    def __init__(self) -> None:
        super().__init__()
        self.doors: dict[int, Path] = {}
        self._lock = threading.Lock()
        self._turn: dict[int, threading.Lock] = {}

    def add(self, node: int, door: Path) -> None:
        self.doors[node], self._turn[node] = door, threading.Lock()
        self.there.add(node)

    def push(self, node: int, blob: bytes, ttl_s: float) -> tuple[str, int]:
        name, counted = super().push(node, blob, ttl_s)
        threading.Thread(target=self._pass, args=(name, node, blob), daemon=True).start()
        return name, counted

    def pull(self, names: Sequence[str]) -> list[Reply]:
        with self._lock:
            return super().pull(names)[::-1]

    def _pass(self, name: str, node: int, blob: bytes) -> None:
        with self._turn[node]:
            try:
                with Client(str(self.doors[node]), "AF_UNIX") as trainer:
                    trainer.send_bytes(blob)
                    answer, problem = trainer.recv_bytes(), ""
            except (OSError, EOFError):
                answer, problem = b"", "5: node unavailable"
        with self._lock:
            self.replies.append(Reply(name, time.time(), problem, answer, len(answer)))


class StandInRoom(Room):
    """A room over the stand-in, with trainers that are threads."""

    def __init__(self, nodes: int, lost_s: float = 20.0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ftte-"))
        self.grid = ThreadGrid()
        self._ids = itertools.count(1)
        self._threads: list[threading.Thread] = []
        self._ends = threading.Event()
        self._ends_of: dict[int, threading.Event] = {}
        line = JoinLine("tcp://127.0.0.1:9", bytes(32), WORD)
        self._open(nodes, FlowerServer(self.grid), line, NodeProcesses(line), lost_s)

    def __enter__(self) -> "StandInRoom":
        for k in range(self.nodes):
            self.add(f"node-{k + 1}")
        self.wait_for_nodes(60.0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.set()
        self.close()
        for thread in self._threads:
            thread.join(30)
        shutil.rmtree(self.folder)
        assert not any(thread.is_alive() for thread in self._threads)

    def add(self, name: str) -> int:
        """Start a node: under a known name it is another node of Flower with the same key."""
        number = next(self._ids)
        door = Door(self.folder / f"{number}")
        self._ends_of[number] = threading.Event()
        thread = threading.Thread(target=self._follow, args=(name, number, door))
        thread.start()
        self._threads.append(thread)
        self.grid.add(number, self.folder / f"{number}")
        return number

    def cut(self, number: int) -> None:
        """Take a node away without a word; Flower still lists it, as it does for half a minute."""
        self._ends_of[number].set()

    def _follow(self, name: str, number: int, door: Door) -> None:
        node = FlowerNode(door, f"key-of-{name}")

        def unwanted() -> bool:
            return self._ends.is_set() or self._ends_of[number].is_set()

        try:
            follow(node, Join(WORD, name), patience_s=60.0, unwanted=unwanted)
        finally:
            node.close()
