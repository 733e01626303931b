"""A progress bar where tqdm is installed, and a silent one elsewhere: on a bare compute node."""

from __future__ import annotations

import sys
from typing import Any


class SilentBar:
    """Count what a progress bar would show.

    Attributes:
        n: how much is done.
    """

    def __init__(self, initial: float = 0) -> None:
        self.n = initial

    def __enter__(self) -> SilentBar:
        return self

    def __exit__(self, *raised: object) -> None:
        return None

    def update(self, more: float) -> None:
        """Add what has been done."""
        self.n += more


def progress_bar(**options: Any) -> Any:
    """Return a bar of tqdm, which knows whether it is in a notebook, or else a silent one.

    Args:
        options: as tqdm takes them.

    Example:
        >>> with progress_bar(total=2, disable=True) as bar:
        ...     bar.update(2)
    """
    try:
        from tqdm.auto import tqdm  # a convenience that a run does not need
    except ImportError:
        return SilentBar(options.get("initial", 0))
    if sys.stderr is None or getattr(sys.stderr, "closed", False):
        return SilentBar(options.get("initial", 0))
    return tqdm(**options)
