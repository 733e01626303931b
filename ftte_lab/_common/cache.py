"""A cache that is bounded in bytes: one large entry may take the room of many small ones."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class SizedCache(Generic[Value]):
    """Keep the values used last, up to a number of bytes; the newest stays, however large.

    May be used by several threads; two that ask for the same new value at once both make it, and
    get the same one.

    Args:
        most_bytes: that all values together may take.
        size: returns the bytes of a value.

    Example:
        >>> cache = SizedCache(10, len)
        >>> [cache.get(n, lambda: b"x" * n) for n in (4, 5, 4)]
        [b'xxxx', b'xxxxx', b'xxxx']
        >>> len(cache), len(cache.get(3, lambda: b"abc")), len(cache)
        (2, 3, 2)
    """

    def __init__(self, most_bytes: int, size: Callable[[Value], int]) -> None:
        self._most_bytes, self._size = most_bytes, size
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._guard = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of a key, or make it."""
        with self._guard:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        made = make()
        with self._guard:
            value = self._values.setdefault(key, made)
            self._values.move_to_end(key)
            total = sum(self._size(one) for one in self._values.values())
            while total > self._most_bytes and len(self._values) > 1:
                _, old = self._values.popitem(last=False)
                total -= self._size(old)
        return value

    def clear(self) -> None:
        """Forget all values."""
        with self._guard:
            self._values.clear()
