"""Which data sets a Lab offers: those that are not on this computer are named so."""

from __future__ import annotations

from ftte_lab._common import require
from ftte_lab.data import SOURCES, data_path

ABSENT = "not on this computer"  # the page disables the entries of a menu that say so


def absent(name: str) -> bool:
    """Return whether a data set must be fetched before it can be used.

    Example:
        >>> absent("digits")
        False
    """
    source = SOURCES[name]
    return not source.offline and source.fetch is not None and not data_path(name).is_file()


def data_choices() -> list[tuple[str, str]]:
    """Return the entries of the menu: text and name of each data set."""
    return [(f"{name} ({ABSENT})" if absent(name) else name, name) for name in SOURCES]


def present(name: str) -> str:
    """Return the name of a data set.

    Raises:
        ValueError: a data set that is not on this computer.
    """
    require(
        not absent(name),
        f"the data set {name} is {ABSENT}",
        "one that is",
        f"To get it, run in a terminal: ftte-lab data {name}",
    )
    return name
