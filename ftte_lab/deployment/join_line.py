"""Write in one line what a node needs to join: an address, the server's public key and a word."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass

from ftte_lab._common import require

LOOPBACK = "127.0.0.1"
"""The address that only programs of this machine reach."""

_ADDRESS = re.compile(r"tcp://(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}")
_WORD = re.compile(r"[A-Za-z0-9-]{4,40}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another one
_KEY_BYTES = 32
_FIX = "Copy the complete line that the server shows"


@dataclass(frozen=True)
class JoinLine:
    """Hold what a node needs to join.

    The key encrypts, and proves that the server is the right one. The word proves that the node is
    invited: a node with another word gets no answer at all.

    Attributes:
        address: of the server.
        key: its public key, 32 bytes (CURVE, elliptic curve 25519).
        word: 4 to 40 letters, digits and hyphens.

    Raises:
        ValueError: something else.

    Example:
        >>> line = JoinLine("tcp://127.0.0.1:5555", bytes(32), "green-tea")
        >>> JoinLine.read(line.text()) == line
        True
    """

    address: str
    key: bytes
    word: str

    def __post_init__(self) -> None:
        fits = bool(_ADDRESS.fullmatch(self.address))
        require(fits, "an address of another form", "tcp://host:port", _FIX)
        require(len(self.key) == _KEY_BYTES, "a key of another length", "32 bytes", _FIX)
        check_word(self.word)

    def text(self) -> str:
        """Return the line."""
        key = base64.urlsafe_b64encode(self.key).decode().rstrip("=")
        return f"{self.address}/{key}/{self.word}"

    @classmethod
    def read(cls, text: str) -> JoinLine:
        """Read a line, spaces around it left out.

        Raises:
            ValueError: it is no such line.
        """
        parts = text.strip().rsplit("/", 2)
        require(len(parts) == 3, "this is no join line", "tcp://host:port/KEY/WORD", _FIX)
        address, key, word = parts
        fits = bool(re.fullmatch(r"[A-Za-z0-9_-]{43}", key))
        require(fits, "a key of another form", "43 letters and digits", _FIX)
        return cls(address, base64.urlsafe_b64decode(key + "="), word)


def check_word(word: str) -> str:
    """Return a word that a join line may hold.

    Raises:
        ValueError: it may not.
    """
    fits = isinstance(word, str) and bool(_WORD.fullmatch(word))
    require(fits, "a word of another form", "4 to 40 letters (a to z), digits and hyphens")
    return word


def is_name(name: str) -> bool:
    """Report whether a node may have this name: up to 40 letters, digits, points and hyphens.

    Example:
        >>> is_name("laptop-7"), is_name("laptop 7")
        (True, False)
    """
    return bool(_NAME.fullmatch(name))


def new_word() -> str:
    """Return a word that nobody can guess."""
    return "".join(secrets.choice(_LETTERS) for _ in range(10))
