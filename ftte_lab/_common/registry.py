"""Open registries: what the kit ships by name, and what a notebook adds in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from ftte_lab._common.validate import choice, require

T = TypeVar("T")


class Registry(dict[str, T]):
    """Map names to implementations; `registry["mine"] = ...` adds one for this process.

    Shipped entries cannot be replaced or removed, so that a scenario means the same everywhere.
    Your own may be replaced (a cell is run twice); caches notice that (see `version`).

    Args:
        noun: what one entry is called in error messages, such as "staleness function".
        shipped: the entries of the kit.
        check: raise a `ValueError` unless an entry is usable; called with name and entry.

    Example:
        >>> colours = Registry("colour", {"red": "#f00"})
        >>> colours["mine"] = "#0f0"
        >>> sorted(colours), colours.own
        (['mine', 'red'], ('mine',))
        >>> colours["red"] = "#00f"
        Traceback (most recent call last):
        ValueError: the colour 'red' is shipped; allowed: a name of your own. Choose another name.
    """

    def __init__(
        self,
        noun: str,
        shipped: Mapping[str, T],
        check: Callable[[str, Any], None] | None = None,
    ) -> None:
        super().__init__(shipped)
        self.noun = noun
        self._shipped = frozenset(shipped)
        self._check = check
        self._versions: dict[str, int] = {}

    def __setitem__(self, name: str, entry: T) -> None:
        named = isinstance(name, str) and bool(name.strip()) and name == name.strip()
        require(named, f"the name {name!r} of a {self.noun}", "a text without outer spaces")
        self._refuse_shipped(name)
        if self._check is not None:
            self._check(name, entry)
        super().__setitem__(name, entry)
        self._versions[name] = self._versions.get(name, 0) + 1

    def __delitem__(self, name: str) -> None:
        self._refuse_shipped(name)
        choice(self.noun, name, self)
        super().__delitem__(name)

    def _refuse_shipped(self, name: str) -> None:
        require(
            name not in self._shipped,
            f"the {self.noun} {name!r} is shipped",
            "a name of your own",
            "Choose another name",
        )

    def pop(self, name: str, *default: Any) -> Any:
        """Remove one of your own entries and return it."""
        if name not in self and default:
            return default[0]
        entry = self[name]
        del self[name]
        return entry

    def update(self, *others: Any, **named: T) -> None:
        """Add several entries of your own, each checked."""
        for name, entry in dict(*others, **named).items():
            self[name] = entry

    @property
    def own(self) -> tuple[str, ...]:
        """Return the names that were added in this process."""
        return tuple(name for name in self if name not in self._shipped)

    def version(self, name: str) -> int:
        """Return how often an entry of your own was set; 0 for a shipped one. For cache keys."""
        return self._versions.get(name, 0)


def callable_entry(noun: str) -> Callable[[str, Any], None]:
    """Return a check that an entry can be called."""

    def check(name: str, entry: Any) -> None:
        require(callable(entry), f"the {noun} {name!r} is {type(entry).__name__}", "a function")

    return check


def own_names(pairs: Iterable[tuple[str, Any, Registry[Any]]]) -> list[str]:
    """Return which of `(field, name, registry)` were added in this process, as "field 'name'"."""
    return [f"{field} {name!r}" for field, name, registry in pairs if name in registry.own]
