"""Print the named parts of a benchmark that has several."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence


def print_parts(
    arguments: Sequence[str], parts: Mapping[str, Callable[[], None]], about: str | None
) -> int:
    """Print the parts that are named, and return the exit status.

    Args:
        arguments: names of parts; none, or an unknown one, prints what there is.
        parts: by name, what prints it.
        about: what to print then.
    """
    if not arguments or not set(arguments) <= set(parts):
        print(about, file=sys.stderr)
        return 2
    for name in arguments:
        parts[name]()
    return 0
