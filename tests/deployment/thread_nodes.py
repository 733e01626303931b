"""Nodes as threads of the test's process: the same loop and sockets, but quick to start."""

import threading
from types import TracebackType

from ftte_lab.deployment import JoinLine, Room
from ftte_lab.deployment.messages import Join, Message
from ftte_lab.deployment.node_loop import follow
from ftte_lab.deployment.zmq_carrier import ZmqNode, new_secret


class PowerCutError(Exception):
    """The node is gone without a word."""


class CutCarrier(ZmqNode):
    """Move messages until the power is cut; then not even a goodbye is sent."""

    def __init__(self, line: JoinLine, secret: bytes) -> None:
        super().__init__(line, secret)
        self.cut = threading.Event()

    def receive(self, wait_s: float) -> Message | None:
        if self.cut.is_set():
            raise PowerCutError
        return super().receive(wait_s)

    def send(self, message: Message) -> None:
        if not self.cut.is_set():
            super().send(message)


class ThreadNodes:
    """Hold nodes that follow a room."""

    def __init__(self, line: JoinLine) -> None:
        self.line = line
        self.carriers: dict[str, CutCarrier] = {}
        self.reasons: dict[str, str] = {}
        self.secrets: dict[str, bytes] = {}
        self.threads: list[threading.Thread] = []
        self.ends = threading.Event()

    def start(
        self,
        name: str,
        patience_s: float = 60.0,
        word: str | None = None,
        budget_kib: float | None = None,
    ) -> None:
        secret = self.secrets.setdefault(name, new_secret())
        carrier = self.carriers[name] = CutCarrier(self.line, secret)
        thread = threading.Thread(
            target=self._follow,
            args=(name, carrier, patience_s, word or self.line.word, budget_kib),
        )
        thread.start()
        self.threads.append(thread)

    def cut(self, name: str) -> None:
        self.carriers[name].cut.set()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self.threads)

    def _follow(
        self,
        name: str,
        carrier: CutCarrier,
        patience_s: float,
        word: str,
        budget_kib: float | None,
    ) -> None:
        try:
            self.reasons[name] = follow(
                carrier,
                Join(word, name),
                beat_s=0.2,
                patience_s=patience_s,
                unwanted=self.ends.is_set,
                budget_kib=budget_kib,
            )
        except PowerCutError:
            self.reasons[name] = "cut"
        except ValueError as error:
            self.reasons[name] = str(error)
        finally:
            carrier.close()


class FullRoom:
    """Open a room and fill it with nodes that are threads."""

    def __init__(self, nodes: int, lost_s: float = 20.0) -> None:
        self.room = Room(nodes, lost_s=lost_s)
        self.nodes = ThreadNodes(self.room.line)

    def __enter__(self) -> "FullRoom":
        for k in range(self.room.nodes):
            self.nodes.start(f"node-{k + 1}")
        self.room.wait_for_nodes()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.room.close()
        self.nodes.ends.set()
        self.nodes.join()
