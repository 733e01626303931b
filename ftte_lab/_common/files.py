"""Atomic writes: a temporary file in the same folder, then `os.replace`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

_ABANDONED_S = 24 * 3600.0  # an unfinished file of that age belongs to a process that was killed
_UNFINISHED = re.compile(r"\..*\.[0-9a-f]{16}\.ftte-part")
_NAME_LENGTH = 100  # characters of a name that its unfinished file shows
_TRIES, _PAUSE_S = 20, 0.05  # Windows refuses to replace a file while another process reads it

_cleared: set[Path] = set()


class FileTroubleError(ValueError):
    """Say in one sentence why a file cannot be written or read, and what to do."""


def write_atomic(path: Path, content: bytes | Callable[[BinaryIO], Any]) -> None:
    """Write a file so that it appears complete, or stays as it was.

    The content goes to a temporary file in the same folder, which then replaces `path`. A reader
    never gets half a file, even if this process is killed. Two writers do not meet, because each
    has a temporary file of its own: the last one counts. The mode is what the umask allows.

    Args:
        path: the file to write; its folder must exist.
        content: the bytes, or a function that writes them to an open binary file.

    Raises:
        OSError: the folder cannot be written, or is full.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_atomic(Path(folder) / "greeting.txt", b"hello")
        ...     (Path(folder) / "greeting.txt").read_text()
        'hello'
    """
    _clear_abandoned(path.parent)
    name = f".{path.name[:_NAME_LENGTH]}.{secrets.token_hex(8)}.ftte-part"
    unfinished = path.with_name(name)
    try:
        # Mode 0o666 less the umask, as `open` gives it; `tempfile` would give 0o600.
        with open(unfinished, "xb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                content(file)
        _replace(unfinished, path)
    except BaseException:
        with contextlib.suppress(OSError):  # the folder may be gone
            os.unlink(unfinished)
        raise


def _replace(unfinished: Path, path: Path) -> None:
    for left in reversed(range(_TRIES)):
        try:
            return os.replace(unfinished, path)
        except PermissionError:
            if sys.platform != "win32" or not left:
                raise
            time.sleep(_PAUSE_S)
    return None


def _clear_abandoned(folder: Path) -> None:
    """Remove, once per process, what killed writers left in a folder; nothing of anybody else."""
    if folder in _cleared:
        return
    _cleared.add(folder)
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if _UNFINISHED.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    if time.time() - entry.stat().st_mtime > _ABANDONED_S:
                        os.unlink(entry)


@contextlib.contextmanager
def writing_to(folder: Path, fix: str) -> Iterator[None]:
    """Answer any `OSError` of the block in one sentence that names a folder and the way out.

    Args:
        folder: where the block writes.
        fix: a sentence without its full stop.

    Raises:
        FileTroubleError: the block raised an `OSError`.

    Example:
        >>> try:
        ...     with writing_to(Path("results"), "Choose another"):
        ...         raise OSError(28, "No space left")
        ... except ValueError as error:
        ...     print(str(error)[:44])
        'results' cannot be written (No space left);
    """
    try:
        yield
    except OSError as error:
        raise FileTroubleError(
            f"{str(folder)!r} cannot be written ({brief(error)}); "
            f"allowed: a folder with room that you may write. {fix}."
        ) from error


def require_writable(folder: Path) -> None:
    """Make a folder if it does not exist, and write and remove a small file in it.

    Call it before a long computation whose results go there.

    Args:
        folder: where results will be written.

    Raises:
        OSError: it cannot be made or written, or is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".probe.{secrets.token_hex(8)}.ftte-part"
    try:
        write_atomic(probe, b"0" * 4096)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(probe)


def brief(error: BaseException, most: int = 160) -> str:
    """Return what an error says in one line of some characters, without numbers of the system.

    Example:
        >>> brief(OSError(28, "No space left on device"))
        'No space left on device'
        >>> brief(ValueError("one  line. "))
        'one line'
    """
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    line = " ".join(str(text).split()).rstrip(".") or type(error).__name__
    return line if len(line) <= most else f"{line[:most]}…"


def is_file(path: Path) -> bool:
    """Report whether a file is there and its folder may be read; never an error."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def cached_text(path: Path, make: Callable[[], str]) -> str:
    """Return a text that is expensive to make; keep it in a file if that can be written.

    The file ends with a checksum. One that is cut off or changed is made again.

    Args:
        path: of the file; its name must change when `make` does.
        make: returns the text.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "cache" / "text.js"
        ...     first = cached_text(path, lambda: "made")
        ...     first, cached_text(path, lambda: "made again")
        ('made', 'made')
    """
    with contextlib.suppress(OSError, ValueError):
        text, end, checksum = path.read_bytes().decode().rpartition(_END)
        if end and checksum == _checksum(text):
            return text
    text = make()
    # A folder that cannot be written costs this time in every process, nothing else.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, f"{text}{_END}{_checksum(text)}".encode())
    return text


_END = "\n//# sha256="


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
