"""Own data on the page: a CSV or NPZ file comes in pieces, is checked in words, and runs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from ftte_lab._common import choice, integer, require, shown
from ftte_lab.data import LARGEST_OWN_BYTES, OWN_DATA, OwnData, own_content
from ftte_lab.lab.tools.host import Host

_LONGEST_NAME = 200


class DataTool:
    """Read a file that somebody chose on the page, and set the Lab to its data."""

    name = "data"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._file = ""
        self._content = bytearray()
        self._number = 0  # of the newest file
        self._closed = False
        self._show(list(OWN_DATA.values())[-1:])

    def receive(self, content: Mapping[str, Any]) -> None:
        """Take a piece of a file, or run with the data that were read.

        Raises:
            ValueError: a file that is too large, a piece that does not fit, or unknown data.
        """
        action = content.get("action")
        choice("action", action, ("piece", "use"))
        if action == "use":
            name = str(content.get("data"))
            choice("data", name, OWN_DATA)
            self._use(OWN_DATA[name])
            return
        total = integer("size of the file", content.get("total"), 1, LARGEST_OWN_BYTES)
        at = integer("place of the piece", content.get("at"), 0, total)
        buffers = content.get("buffers") or []
        require(len(buffers) == 1, f"{len(buffers)} pieces in a message", "one")
        piece = bytes(buffers[0])
        if at == 0:
            self._begin(content.get("file"))
        fits = at == len(self._content) and at + len(piece) <= total
        require(fits, "a piece of the file is missing", "all pieces in order", "Choose it again")
        self._content += piece
        if len(self._content) == total:
            taken, self._content = bytes(self._content), bytearray()
            reader = threading.Thread(
                target=self._read, args=(taken, self._file, self._number), daemon=True
            )
            reader.start()
        else:
            self._host.publish(self.name, "state", text=f"{at / total:.0%} sent")

    def _begin(self, file: Any) -> None:
        ok = isinstance(file, str) and 0 < len(file) <= _LONGEST_NAME and file.isprintable()
        require(ok, f"the file name {shown(file)}", f"1 to {_LONGEST_NAME} characters")
        self._file, self._content = str(file), bytearray()
        self._number += 1

    def _read(self, content: bytes, file: str, number: int) -> None:
        """Check and register a file; what is wrong with it is shown in the drawer."""
        self._host.publish(self.name, "state", text=f"reading {file}")
        try:
            read, error = [own_content(content, file)], ""
        except ValueError as problem:
            read, error = [], str(problem)
        except MemoryError:
            read, error = [], f"{file} does not fit into the memory; allowed: a smaller file."
        if self._closed or number != self._number:
            return
        self._host.publish(self.name, "error", text=error[:1].upper() + error[1:])
        self._show(read)

    def _show(self, read: list[OwnData]) -> None:
        found: dict[str, Any] = {}
        if read:
            one = read[0]
            found = {
                "data": one.name,
                "about": one.about,
                "model": one.model,
                "clients": one.people,
            }
        self._host.publish(self.name, "state", text="")
        self._host.publish(self.name, "read", **found)

    def _use(self, data: OwnData) -> None:
        """Set the Lab to the data: a client for each person, and the net that suits them."""
        s = self._host.settings.scenario
        concurrency = min(s.concurrency, data.people)
        fields: dict[str, Any] = {
            "data": data.name,
            "model": data.model,
            "clients": data.people,
            "samples_per_client": max(4, -(-data.training // data.people)),
            "alpha": None,
            "slow_class": None,
            "concurrency": concurrency,
        }
        if s.buffer is not None:
            fields["buffer"] = min(s.buffer, concurrency)
        self._host.apply(self._host.settings.set(**fields))

    def settings_changed(self) -> None:
        """Do nothing: a file stays what it is."""

    def run_changed(self) -> None:
        """Do nothing: a file stays what it is."""

    def close(self) -> None:
        """Drop what is being read."""
        self._closed, self._content = True, bytearray()
