"""Do the jobs of a node in a thread of its own, so that its heartbeats go on meanwhile."""

from __future__ import annotations

import contextlib
import queue
import threading

from ftte_lab._common import InterruptedWorkError, interruptible
from ftte_lab.deployment.messages import Job, Update, Welcome
from ftte_lab.deployment.node import Node


class JobThread:
    """Do what the server asks for; only the newest job counts, and older ones are void.

    Args:
        budget_kib: what this node may hold in a training step (KiB); `None`: as the run says.
    """

    def __init__(self, budget_kib: float | None = None) -> None:
        self._budget_kib = budget_kib
        self._orders: queue.SimpleQueue[tuple[int, Welcome | Job]] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[int, Update | Exception]] = queue.SimpleQueue()
        self._newest, self._answered = 0, 0
        self._changed = threading.Event()
        threading.Thread(target=self._work, name="node", daemon=True).start()

    @property
    def busy(self) -> bool:
        """Return whether an answer is still to come."""
        return self._answered != self._newest

    def take(self, order: Welcome | Job) -> None:
        """Begin with an order; the answer to an older job will never come."""
        self._newest += 1
        if isinstance(order, Welcome):
            self._answered = self._newest
        self._changed.set()
        self._orders.put((self._newest, order))

    def answer(self, wait_s: float) -> Update | None:
        """Return the answer to the newest job, once it is there; wait for it up to `wait_s`.

        Raises:
            ValueError: the run, or the job, cannot be done here.
        """
        try:
            number, answer = self._done.get(timeout=wait_s) if wait_s else self._done.get_nowait()
        except queue.Empty:
            return None
        if isinstance(answer, Exception):
            raise answer
        if number != self._newest:
            return None
        self._answered = number
        return answer

    def _work(self) -> None:
        node: Node | None = None
        while True:
            number, order = self._orders.get()
            try:
                if isinstance(order, Welcome):
                    node = Node(order, self._budget_kib)
                elif number == self._newest and node is not None:
                    self._do(node, order, number)
            except Exception as error:  # it is raised where the node follows the server
                self._done.put((number, error))

    def _do(self, node: Node, job: Job, number: int) -> None:
        """Do a job, unless a newer order makes it void."""

        def void() -> bool:
            return number != self._newest

        def pause(seconds: float) -> None:
            self._changed.clear()
            if not void():
                self._changed.wait(seconds)

        with contextlib.suppress(InterruptedWorkError), interruptible(void):
            self._done.put((number, node.answer(job, pause)))
