"""Know who is connected, who may be, and who has gone silent."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from ftte_lab.deployment.join_line import is_name

WRONG_WORD = "wrong word"
"""Why somebody gets no answer at all."""
OUT = "the server has taken this node out"
"""What a node reads that was revoked."""


@dataclass(eq=False)
class Member:
    """Hold a node that takes part.

    Attributes:
        name: of the node.
        key: of the node.
        seat: which share of the clients it plays.
        heard_s: when it last sent anything, on the monotonic clock (s).
        supplied: the clients for which it has the model.
    """

    name: str
    key: str
    seat: int
    heard_s: float
    supplied: set[int] = field(default_factory=set)


class Members:
    """Give each node a seat. A name that comes back gets its old one.

    A name belongs to the key that took it first. Who knows the word and has another key must choose
    another name.

    Args:
        seats: how many nodes may take part.
        word: what a node must know.
    """

    def __init__(self, seats: int, word: str) -> None:
        self.seats, self._word = seats, word.encode()
        self.present: dict[str, Member] = {}
        self._seat_of: dict[str, int] = {}
        self._name_of: dict[str, str] = {}
        self._revoked: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self.present

    def __len__(self) -> int:
        return len(self.present)

    def name_of(self, key: str) -> str | None:
        """Return the name that belongs to a key, or `None` if it has never taken part."""
        return self._name_of.get(key)

    def refusal(self, name: str, word: str, key: str) -> str | None:
        """Return why a node may not take part, or `None` if it may."""
        if not hmac.compare_digest(word.encode("utf-8", "surrogatepass"), self._word):
            return WRONG_WORD
        if not is_name(name):
            return "a name of another form; allowed: letters, digits, points and hyphens"
        own = self._name_of.get(key, name)
        owners = {n: k for k, n in self._name_of.items()}
        if own != name or owners.get(name, key) != key:
            return f"the name {name} belongs to another key; choose another name"
        if key in self._revoked:
            return OUT
        seats = f"all {self.seats} seats are taken"
        return None if self._free_seat(name) is not None else seats

    def join(self, name: str, key: str, now_s: float, wish: int = -1) -> Member:
        """Give a node its seat, the one that it wishes if that is free; it has no model yet.

        Raises:
            ValueError: there is no seat left.
        """
        seat = self._free_seat(name, wish)
        if seat is None:
            raise ValueError(f"{self.seats} nodes are there; allowed: {self.seats}.")
        self._seat_of = {n: s for n, s in self._seat_of.items() if s != seat} | {name: seat}
        self._name_of[key] = name
        self.present[name] = Member(name, key, seat, now_s)
        return self.present[name]

    def leave(self, name: str) -> None:
        """Take a node out; its seat is kept for it as long as there are others."""
        self.present.pop(name, None)

    def revoke(self, name: str) -> None:
        """Take a node out for good: its key may not come back."""
        self._revoked |= {key for key, owned in self._name_of.items() if owned == name}
        self.leave(name)

    def _free_seat(self, name: str, wish: int = -1) -> int | None:
        """Return a seat: the wish, its own one, one that nobody had, or one that was left."""
        taken = {member.seat for member in self.present.values() if member.name != name}
        if wish in set(range(self.seats)) - taken:
            return wish
        own = self._seat_of.get(name)
        if own is not None and own not in taken:
            return own
        free = [seat for seat in range(self.seats) if seat not in taken]
        fresh = [seat for seat in free if seat not in self._seat_of.values()]
        return next(iter(fresh or free), None)
