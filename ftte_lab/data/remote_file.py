"""Name a file on the web, without what it takes to download it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteFile:
    """Name a file on the web: its address, and the MD5 sum that its publisher gives."""

    url: str
    md5: str

    @property
    def filename(self) -> str:
        """Return the last part of the address."""
        return self.url.rsplit("/", 1)[-1]
