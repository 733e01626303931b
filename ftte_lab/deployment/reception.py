"""Receive nodes: let those in that know the word, answer heartbeats, notice who is silent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ftte_lab.deployment.carrier import Heard, ServerCarrier
from ftte_lab.deployment.join_line import is_name
from ftte_lab.deployment.members import OUT, WRONG_WORD, Member, Members
from ftte_lab.deployment.messages import Again, Beat, Bye, Join, Left, Update, Welcome

LOST_S = 10.0
"""How long a node may be silent at least before its work is void."""


@dataclass(frozen=True)
class Incident:
    """Report what came of a message, or of silence.

    Attributes:
        what: "joined", "left", "lost", "update", or why a message was not taken.
        name: of the node; "?" of one that has never taken part.
        update: what it sent, if it is an update.
        framed_bytes: length of the message with framing.
    """

    what: str
    name: str
    update: Update | None = None
    framed_bytes: int = 0


class Reception:
    """Hold the server's end: the carrier, and who is there.

    Args:
        carrier: to the nodes.
        members: who may take part.
        lost_s: silence after which a node counts as lost, at least.

    Attributes:
        welcome: makes the message that begins a run on a node; `None`: there is no run.
        counts: how often each thing happened.
        paused: whether no new jobs are sent; those under way come to their end, and then the clock
            of the run stands still.
    """

    def __init__(self, carrier: ServerCarrier, members: Members, lost_s: float = LOST_S) -> None:
        self.carrier, self.members, self.lost_s = carrier, members, lost_s
        self.welcome: Callable[[Member], Welcome] | None = None
        self.counts: Counter[str] = Counter()
        self.paused = False
        self._kicked: list[Incident] = []

    def receive(self, wait_s: float) -> list[Incident]:
        """Return what has happened; wait for it up to `wait_s`."""
        found = [self._incident(heard) for heard in self.carrier.receive(wait_s)]
        incidents = self._kicked + [incident for incident in found if incident is not None]
        self._kicked = []
        self.counts.update(incident.what for incident in incidents)
        return incidents

    def give_up(self, allowed_s: Callable[[str], float]) -> list[Incident]:
        """Take out the nodes that were silent for too long.

        Args:
            allowed_s: returns how long a node may be silent, beyond `lost_s`.
        """
        now = time.monotonic()
        silent = [
            name
            for name, member in self.members.present.items()
            if now - member.heard_s > max(self.lost_s, allowed_s(name))
        ]
        return [self.gone("lost", name) for name in silent]

    def begin(self, welcome: Callable[[Member], Welcome]) -> None:
        """Begin a run on all nodes that are there; later ones are welcomed as they join."""
        self.welcome = welcome
        for member in self.members.present.values():
            self._welcome(member)

    def goodbye(self, reason: str) -> None:
        """End all nodes."""
        for member in self.members.present.values():
            self.carrier.send(member.key, Bye(reason))
        self.members.present.clear()

    def kick(self, name: str) -> None:
        """Take a node out for good, and let it know; the run hears of it with the next messages."""
        member = self.members.present.get(name)
        if member is not None:
            self.members.revoke(name)
            self.carrier.send(member.key, Bye(OUT))
            self._kicked.append(self.gone("left", name))

    def _incident(self, heard: Heard) -> Incident | None:
        message, known = heard.message, self.members.name_of(heard.key)
        name = "?" if known is None else known
        if message is None:
            return Incident("unreadable", name, framed_bytes=heard.framed_bytes)
        if isinstance(message, Join):
            return self._join(heard.key, message)
        member = self.members.present.get(name)
        if member is None:
            # A stranger gets no answer: whoever does not know the word is not heard.
            if known is not None and not isinstance(message, Left):
                self.carrier.send(heard.key, Again())
            return Incident("not a member", name)
        member.heard_s = time.monotonic()
        if isinstance(message, Beat):
            self.carrier.send(heard.key, Beat())
            return None
        if isinstance(message, Left):
            return self.gone("left", name)
        if isinstance(message, Update):
            return Incident("update", name, message, heard.framed_bytes)
        return Incident("not for a server", name)

    def _join(self, key: str, message: Join) -> Incident:
        name = message.name if is_name(message.name) else "?"
        reason = self.members.refusal(message.name, message.word, key)
        if reason is None:
            self._welcome(self.members.join(name, key, time.monotonic(), message.seat))
            return Incident("joined", name)
        if reason != WRONG_WORD:  # whoever knows the word learns why
            self.carrier.send(key, Bye(reason))
        return Incident(reason, name)

    def _welcome(self, member: Member) -> None:
        member.supplied.clear()
        if self.welcome is None:
            self.carrier.send(member.key, Beat())
        else:
            self.carrier.send(member.key, self.welcome(member))

    def gone(self, what: str, name: str) -> Incident:
        """Take out a node."""
        self.members.leave(name)
        if what == "lost":
            self.counts[what] += 1
        return Incident(what, name)
