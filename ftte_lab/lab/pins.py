"""The runs that a Lab keeps behind the newest one, each under a letter."""

from __future__ import annotations

from string import ascii_uppercase

from ftte_lab._common import require
from ftte_lab.lab.board import Board

MOST_PINS = 6


def pinned_letter(pins: dict[str, Board], board: Board) -> str:
    """Return the letter under which a board is kept, or ""."""
    return next((letter for letter, kept in pins.items() if kept is board), "")


def pin(pins: dict[str, Board], board: Board) -> None:
    """Keep a board under the first free letter; drop it if it is kept already.

    Raises:
        ValueError: too many pinned runs.
    """
    if letter := pinned_letter(pins, board):
        del pins[letter]
        return
    given, fix = f"{len(pins)} runs are pinned", "Remove one in Compare"
    require(len(pins) < MOST_PINS, given, f"up to {MOST_PINS}", fix)
    pins[next(name for name in ascii_uppercase if name not in pins)] = board
