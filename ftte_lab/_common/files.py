"""Atomic writes: a temporary file in the same folder, then `os.replace`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO


def write_atomic(path: Path, content: bytes | Callable[[BinaryIO], Any]) -> None:
    """Write a file so that it appears complete, or stays as it was.

    The content goes to a temporary file in the same folder, which then replaces `path`. A reader
    never gets half a file, even if this process is killed.

    Args:
        path: the file to write; its folder must exist.
        content: the bytes, or a function that writes them to an open binary file.

    Raises:
        OSError: the folder cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_atomic(Path(folder) / "greeting.txt", b"hello")
        ...     (Path(folder) / "greeting.txt").read_text()
        'hello'
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
