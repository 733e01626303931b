"""Hold a server and its nodes together: a room in which runs follow one another.

Starting a process takes seconds, most of it the import of PyTorch. So the nodes stay for several
runs.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from types import TracebackType

from ftte_lab._common import configure_process, integer, number, require
from ftte_lab.deployment.carrier import ServerCarrier
from ftte_lab.deployment.errors import DeploymentError
from ftte_lab.deployment.free_order import FreeOrder
from ftte_lab.deployment.join_line import LOOPBACK, JoinLine, check_word, new_word
from ftte_lab.deployment.limits import check_deployable
from ftte_lab.deployment.locked_order import LockedOrder
from ftte_lab.deployment.members import Members
from ftte_lab.deployment.node_processes import NodeProcesses, StartedNodes
from ftte_lab.deployment.reception import LOST_S, Incident, Reception
from ftte_lab.deployment.served_run import RunEvent, ServedRun
from ftte_lab.deployment.zmq_carrier import ZmqServer, zmq_module
from ftte_lab.simulation import Prepared, Scenario, prepare

MOST_NODES = 1000
_MOST_UPLOAD_BYTES = 64 << 20
_HEAD_BYTES = 1 << 16  # of a message, besides its update
_LOOK_S = 0.1
_LONGEST_S = 1e6
_MOST_RESTARTS = 10
_ALONE_S = 120.0  # how long a run waits for a node to come back, if there is none


class Room:
    """Serve runs to nodes over ZeroMQ, on this machine or in its network.

    Args:
        nodes: how many may take part.
        host: the address to listen on; the default is reached by this machine alone.
        port: to listen on; 0: any free one.
        word: what a node must know; `None`: a new one that nobody can guess.
        lost_s: silence after which the work of a node is void, at least (s).

    Attributes:
        line: what a node needs to join.
        reception: who is there.
        node_processes: the node processes that were started here.

    Raises:
        ValueError: ZeroMQ is missing, the port is taken, or an argument is out of range.

    Example:
        >>> with Room(nodes=2) as room:
        ...     room.line.text().startswith("tcp://127.0.0.1:")
        True
    """

    def __init__(
        self,
        nodes: int = 4,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        word: str | None = None,
        lost_s: float = LOST_S,
    ) -> None:
        configure_process()
        nodes = integer("nodes", nodes, 1, MOST_NODES)
        lost_s = number("lost_s", lost_s, 0.1, _LONGEST_S)
        word = new_word() if word is None else check_word(word)
        carrier = ZmqServer(host, port, _MOST_UPLOAD_BYTES + _HEAD_BYTES)
        line = JoinLine(carrier.address, carrier.key, word)
        self._open(nodes, carrier, line, NodeProcesses(line), lost_s)

    def _open(
        self,
        nodes: int,
        carrier: ServerCarrier,
        line: JoinLine,
        processes: StartedNodes,
        lost_s: float,
    ) -> None:
        """Begin to receive nodes."""
        self.nodes, self.line, self.node_processes = nodes, line, processes
        self.reception = Reception(carrier, Members(nodes, line.word), lost_s)
        self._numbers = itertools.count()
        self._restarts, self._heard_s = 0, 0.0

    def __enter__(self) -> Room:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start_nodes(self) -> None:
        """Start a node process for each seat, on this machine."""
        for k in range(self.nodes):
            self.node_processes.start(f"node-{k + 1}")

    def wait_for_nodes(self, limit_s: float = 120.0) -> None:
        """Wait until all seats are taken.

        Raises:
            DeploymentError: a process that was started here has ended, or it takes too long.
        """
        until = time.monotonic() + limit_s
        while len(self.reception.members) < self.nodes:
            there = len(self.reception.members)
            if self.node_processes.ended():
                raise DeploymentError(
                    f"{', '.join(self.node_processes.ended())} ended before it joined"
                )
            if time.monotonic() > until:
                raise DeploymentError(f"{there} of {self.nodes} nodes joined in {limit_s:g} s")
            self.idle()

    def locked(self, scenario: Scenario | Prepared) -> Iterator[RunEvent]:
        """Run in the order of the simulated timeline; the last event is the record.

        Model and history are the simulated ones, to the bit, on machines of one kind.

        Args:
            scenario: the run, or what `prepare` made of it.

        Raises:
            ValueError: the scenario cannot be run so.
            DeploymentError: all nodes are gone, and none comes back.
        """
        prepared = self._checked(scenario, free=False)
        order = LockedOrder(prepared)
        self._heard_s = time.monotonic()
        return ServedRun(
            "locked", prepared, order, self.reception, self._numbers, watch=self._watch
        ).events()

    def free(
        self,
        scenario: Scenario | Prepared,
        *,
        seconds: float = 20.0,
        throttle: bool = True,
        watch: Callable[[], None] = lambda: None,
    ) -> Iterator[RunEvent]:
        """Run with updates as they really arrive; the last event is the record.

        Args:
            scenario: the run, or what `prepare` made of it; a client per node.
            seconds: real seconds that its horizon takes.
            throttle: whether each node takes as long as the device that it plays.
            watch: called again and again; it may raise an error to end the run.

        Raises:
            ValueError: the scenario cannot be run so.
        """
        seconds = number("seconds", seconds, 0.1, _LONGEST_S)
        prepared = self._checked(scenario, free=True)
        scale = seconds / prepared.scenario.horizon_s
        order = FreeOrder(prepared, scale, throttle)
        run = ServedRun("free", prepared, order, self.reception, self._numbers, scale, watch)
        return run.events()

    def versions(self) -> dict[str, str]:
        """Return the version of what moves the messages, by name."""
        return {"pyzmq": str(zmq_module().pyzmq_version())}

    def overheads(self) -> dict[str, int]:
        """Return what the carrier costs on this machine besides its nodes, by name."""
        return {}

    def kick(self, name: str) -> None:
        """Take a node out for good: its key may not come back."""
        self.reception.kick(name)

    def close(self) -> None:
        """End all nodes, and give back the port."""
        try:
            self.reception.goodbye("the server has ended")
        finally:
            self.reception.carrier.close()
            self.node_processes.close()

    def _watch(self) -> None:
        """Start again the nodes of this machine that have ended: the timeline needs them."""
        for name in self.node_processes.ended():
            self._restarts += 1
            if self._restarts > _MOST_RESTARTS:
                raise DeploymentError(f"{name} ended; nodes were started again too often")
            self.node_processes.start(name)
        now = time.monotonic()
        if len(self.reception.members):
            self._heard_s = now
        elif now - self._heard_s > _ALONE_S:
            raise DeploymentError(f"no node was there for {_ALONE_S:g} s")

    def idle(self) -> list[Incident]:
        """Answer the nodes while there is no run; return what has happened."""
        return self.reception.receive(_LOOK_S) + self.reception.give_up(lambda name: 0.0)

    def _checked(self, scenario: Scenario | Prepared, *, free: bool) -> Prepared:
        s = scenario.scenario if isinstance(scenario, Prepared) else scenario
        check_deployable(s, self.nodes, free=free)
        prepared = scenario if isinstance(scenario, Prepared) else prepare(scenario)
        longest = max(tier.traffic.upload for tier in prepared.tiers.tiers)
        problem = f"an update of {longest} bytes"
        require(longest <= _MOST_UPLOAD_BYTES, problem, f"at most {_MOST_UPLOAD_BYTES}")
        return prepared
