"""Open registries: what the kit ships by name, and what a notebook adds in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, TypeVar

from ftte_lab._common.validate import choice, require

T = TypeVar("T")
V = TypeVar("V")


class Registry(MutableMapping[str, T]):
    """Map names to implementations; `registry["mine"] = ...` adds one for this process.

    Shipped entries cannot be replaced or removed, so that a scenario means the same everywhere.
    Your own may be replaced (a cell is run twice); caches notice that (see `version`).

    Args:
        noun: what one entry is called in error messages, such as "staleness function".
        shipped: the entries of the kit, in the order in which they are listed.
        check: raise a `ValueError` unless an entry is usable; called with name and entry.

    Raises:
        ValueError: a shipped entry is set or removed, a name is empty or has outer spaces, or
            `check` refuses the entry.

    Example:
        >>> colours = Registry("colour", {"red": "#f00"})
        >>> colours["mine"] = "#0f0"
        >>> list(colours), colours.own
        (['red', 'mine'], ('mine',))
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
        self.noun = noun
        self._entries = dict(shipped)
        self._shipped = frozenset(shipped)
        self._check = check
        self._versions: dict[str, int] = {}

    def __getitem__(self, name: str) -> T:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<Registry of {len(self)}, {self.noun}: {', '.join(self)}>"

    def __setitem__(self, name: str, entry: T) -> None:
        named = isinstance(name, str) and bool(name.strip()) and name == name.strip()
        require(named, f"the name {name!r} of a {self.noun}", "a text without outer spaces")
        self._refuse_shipped(name)
        if self._check is not None:
            self._check(name, entry)
        self._entries[name] = entry
        self._versions[name] = self._versions.get(name, 0) + 1

    def __delitem__(self, name: str) -> None:
        self._refuse_shipped(name)
        choice(self.noun, name, self)
        del self._entries[name]

    def _refuse_shipped(self, name: str) -> None:
        require(
            name not in self._shipped,
            f"the {self.noun} {name!r} is shipped",
            "a name of your own",
            "Choose another name",
        )

    def clear(self) -> None:
        """Remove all entries of your own; the shipped ones stay."""
        for name in self.own:
            del self[name]

    @property
    def own(self) -> tuple[str, ...]:
        """Return the names that were added in this process, in order."""
        return tuple(name for name in self if name not in self._shipped)

    def ordered(self, values: Mapping[str, V]) -> dict[str, V]:
        """Return a mapping by names in one order: shipped names as listed, then others by name.

        Equal mappings then agree in their order too, in every process.

        Example:
            >>> colours = Registry("colour", {"red": "#f00", "blue": "#00f"})
            >>> list(colours.ordered({"mine": 1, "blue": 2, "red": 3}))
            ['red', 'blue', 'mine']
        """
        first = [name for name in self if name in self._shipped and name in values]
        return {
            name: values[name] for name in (*first, *sorted(values.keys() - set(first), key=str))
        }

    def version(self, name: str) -> int:
        """Return how often an entry of your own was set, 0 for a shipped one: for cache keys."""
        return self._versions.get(name, 0)


def callable_entry(noun: str) -> Callable[[str, Any], None]:
    """Return a check for `Registry` that refuses entries that cannot be called.

    Example:
        >>> rules = Registry("rule", {}, callable_entry("rule"))
        >>> rules["mine"] = 3
        Traceback (most recent call last):
        ValueError: the rule 'mine' is of type int; allowed: a function.
    """

    def check(name: str, entry: Any) -> None:
        problem = f"the {noun} {name!r} is of type {type(entry).__name__}"
        require(callable(entry), problem, "a function")

    return check
