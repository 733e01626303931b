"""Files appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO


def write_atomic(path: Path, content: bytes | Callable[[BinaryIO], Any]) -> None:
    """Write a file beside its place, then put it there: whatever happens, nobody reads half of it.

    Args:
        path: where; its folder exists.
        content: the bytes, or what writes them.

    Raises:
        OSError: if the folder cannot be written.
    """
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                content(file)
        os.replace(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise
