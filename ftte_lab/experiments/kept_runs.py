"""The folder in which searches and sweeps of this machine keep their runs.

A run has a file under its digest, so a question that was asked before is answered at once. A digest
names a scenario and not the code that ran it. So each state of the kit has a folder of its own.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from ftte_lab.data import cache_path
from ftte_lab.simulation import code_state

_MOST_BYTES = 256 << 20
_RESULT = re.compile(r"[0-9a-f]{16}\.(json|failed)")


def runs_home() -> Path:
    """Return the folder of kept runs; nothing is made.

    It lies in the data home, or in the user's own cache. It belongs to this state of the kit and of
    the libraries that compute.

    Example:
        >>> runs_home().parent.name
        'sweeps'
    """
    return cache_path("sweeps") / code_state()[:12]


def tidy(home: Path, most_bytes: int = _MOST_BYTES) -> int:
    """Remove the results that were used longest ago, down to a number of bytes.

    Only files that a sweep writes are removed, in this folder and in those beside it.

    Args:
        home: a folder that `runs_home` returned.
        most_bytes: that all results together may take.

    Returns:
        How many files were removed.
    """
    with contextlib.suppress(OSError):
        return _remove(_results(home.parent), most_bytes)
    return 0


def _results(parent: Path) -> list[tuple[float, int, str]]:
    """Return when each result was written, its bytes and its path."""
    found = []
    for folder in (entry for entry in os.scandir(parent) if entry.is_dir(follow_symlinks=False)):
        for entry in os.scandir(folder):
            if _RESULT.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                known = entry.stat()
                found.append((known.st_mtime, known.st_size, entry.path))
    return found


def _remove(results: list[tuple[float, int, str]], most_bytes: int) -> int:
    total, removed = sum(size for _, size, _ in results), 0
    for _, size, path in sorted(results):
        if total <= most_bytes:
            break
        with contextlib.suppress(OSError):
            os.unlink(path)
            removed += 1
        total -= size
    return removed
