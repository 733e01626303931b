"""Know who is connected, who may be, and who has gone silent."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field


@dataclass(eq=False)
class Member:
    """Hold a node that takes part.

    Attributes:
        name: of the node.
        seat: which share of the clients it plays.
        heard_s: when it last sent anything, on the monotonic clock (s).
        supplied: the clients for which it has the model.
    """

    name: str
    seat: int
    heard_s: float
    supplied: set[int] = field(default_factory=set)


class Members:
    """Give each node a seat. A name that comes back gets its old one.

    Args:
        seats: how many nodes may take part.
        word: what a node must know.
    """

    def __init__(self, seats: int, word: str) -> None:
        self.seats, self._word = seats, word.encode()
        self.present: dict[str, Member] = {}
        self._seat_of: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.present

    def __len__(self) -> int:
        return len(self.present)

    def knows(self, name: str) -> bool:
        """Return whether a node has taken part before."""
        return name in self._seat_of

    def refusal(self, name: str, word: str) -> str | None:
        """Return why a node may not take part, or `None` if it may."""
        if not hmac.compare_digest(word.encode("utf-8", "surrogatepass"), self._word):
            return "wrong word"
        return None if self._free_seat(name) is not None else "no seat"

    def join(self, name: str, now_s: float) -> Member:
        """Give a node its seat; it has no model yet.

        Raises:
            ValueError: there is no seat left.
        """
        seat = self._free_seat(name)
        if seat is None:
            raise ValueError(f"{self.seats} nodes are there; allowed: {self.seats}.")
        self._seat_of = {n: s for n, s in self._seat_of.items() if s != seat} | {name: seat}
        self.present[name] = Member(name, seat, now_s)
        return self.present[name]

    def leave(self, name: str) -> None:
        """Take a node out; its seat is kept for it as long as there are others."""
        self.present.pop(name, None)

    def _free_seat(self, name: str) -> int | None:
        """Return the seat of a name: its own, one that nobody had, or one that was left."""
        taken = {member.seat for member in self.present.values() if member.name != name}
        own = self._seat_of.get(name)
        if own is not None and own not in taken:
            return own
        free = [seat for seat in range(self.seats) if seat not in taken]
        fresh = [seat for seat in free if seat not in self._seat_of.values()]
        return next(iter(fresh or free), None)
