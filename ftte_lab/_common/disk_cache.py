"""Keep what is expensive to make in files, named by what they depend on, within some bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ftte_lab._common.files import write_atomic

Value = TypeVar("Value")

_END = ".kept"
_CHECK_BYTES = 4


class DiskCache:
    """Keep values in a folder: one file each, the ones used last, up to a number of bytes.

    Several processes may use one folder. A file appears complete or not at all, ends with a
    checksum, and one that is damaged is made again. Without a folder that can be written everything
    is made each time.

    Args:
        folder: where the files are; it is made when the first is written.
        most_bytes: that all files together may take.
        worth_s: what is made faster than this is not kept (s).
        largest: bytes of a value above which it is not kept; by default an eighth of `most_bytes`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     cache = DiskCache(Path(folder), 1000, worth_s=0.0)
        ...     made = [cache.get("sum 1 2", lambda n=n: n, bytes, bytes) for n in (b"3", b"4")]
        >>> made
        [b'3', b'3']
    """

    def __init__(
        self, folder: Path, most_bytes: int, worth_s: float = 0.05, largest: int | None = None
    ) -> None:
        self.folder, self._most_bytes, self._worth_s = folder, most_bytes, worth_s
        self._largest = most_bytes // 8 if largest is None else largest

    def get(
        self,
        key: str,
        make: Callable[[], Value],
        write: Callable[[Value], bytes],
        read: Callable[[bytes], Value],
    ) -> Value:
        """Return the value of a key: from its file, or made and kept.

        Args:
            key: text that names everything the value depends on.
            make: returns the value.
            write: turns it into bytes.
            read: turns bytes into it; any error means that the file is of no use.
        """
        path = self.folder / (hashlib.sha256(key.encode()).hexdigest()[:32] + _END)
        # Whatever is wrong with a file, the value can be made again.
        with contextlib.suppress(Exception):
            value = read(_checked(path.read_bytes()))
            with contextlib.suppress(OSError):
                os.utime(path)  # used now
            return value
        begin = time.perf_counter()
        value = make()
        if time.perf_counter() - begin >= self._worth_s:
            with contextlib.suppress(OSError):
                self._keep(path, write(value))
        return value

    def _keep(self, path: Path, content: bytes) -> None:
        if len(content) > self._largest:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        check = zlib.crc32(content).to_bytes(_CHECK_BYTES, "little")
        write_atomic(path, lambda file: (file.write(content), file.write(check)))
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Remove the files used longest ago, until the rest is within its bytes."""
        found = []
        for entry in os.scandir(self.folder):
            # Another process may remove it meanwhile.
            with contextlib.suppress(OSError):
                if entry.name.endswith(_END) and entry.is_file(follow_symlinks=False):
                    found.append((entry.stat().st_mtime, entry.stat().st_size, entry.path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self._most_bytes:
                return
            with contextlib.suppress(OSError):
                os.unlink(path)
            total -= size


def _checked(content: bytes) -> bytes:
    """Return the content of a file without its checksum, if that is right."""
    body, check = content[:-_CHECK_BYTES], content[-_CHECK_BYTES:]
    if zlib.crc32(body).to_bytes(_CHECK_BYTES, "little") != check:
        raise ValueError("the file was cut off or changed")
    return body
