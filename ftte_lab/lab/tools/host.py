"""What a tool of the page is: a button in the toolbar, a drawer below it, and who answers it.

A tool has one class here and one script of the same name in `live/static`. It gets a `Host`, the
only way to the Lab.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ftte_lab.lab.board import Board
from ftte_lab.lab.settings import Settings


class Shows(Protocol):
    """What a tool sees of a Lab's display."""

    board: Board
    pins: dict[str, Board]
    lock: threading.RLock
    live: bool
    stage: Any
    shown: list[str]

    def select_charts(self, names: Sequence[str]) -> None:
        """Show these charts."""

    def show_panels(self, settings: Settings) -> None:
        """Show which charts and menus there are."""

    def unpin(self, letter: str) -> None:
        """Drop a pinned run."""

    def show_error(self, error: BaseException | None) -> None:
        """Show what was wrong above the charts; `None` clears it."""


@dataclass(frozen=True)
class Host:
    """Offer a tool what it may use of its Lab.

    Attributes:
        display: shows the newest run.
        current: returns what the Lab is set to.
        go: sets the Lab; knobs follow, and a run begins.
    """

    display: Shows
    current: Callable[[], Settings]
    go: Callable[[Settings], Any]

    @property
    def settings(self) -> Settings:
        """Return what the Lab is set to now."""
        return self.current()

    @property
    def board(self) -> Board:
        """Return the record of the newest run; hold `lock` while you read its tables."""
        return self.display.board

    @property
    def pins(self) -> Mapping[str, Board]:
        """Return the pinned runs by letter."""
        return self.display.pins

    @property
    def lock(self) -> threading.RLock:
        """Return the lock under which the worker writes the record."""
        return self.display.lock

    @property
    def live(self) -> bool:
        """Return whether there is a page."""
        return self.display.live

    def apply(self, settings: Settings) -> None:
        """Set the Lab, as a knob would.

        Raises:
            ValueError: settings that are not possible; nothing changes then.
        """
        self.go(settings)

    def publish(
        self, tool: str, part: str = "", buffers: Sequence[bytes] | None = None, **content: Any
    ) -> None:
        """Send a message to a tool's script; a page that appears later gets the newest by part.

        May be called from any thread.
        """
        self.display.stage.publish_tool(tool, part, list(buffers or []), content)

    def send_file(self, name: str, mime: str, content: bytes) -> None:
        """Send the page a file to save."""
        self.display.stage.send_file(name, mime, content)

    def show_error(self, error: BaseException | None) -> None:
        """Show what was wrong above the charts; `None` clears it."""
        self.display.show_error(error)


class Tool(Protocol):
    """Answer the script of the same name."""

    name: str

    def __init__(self, host: Host) -> None: ...

    def receive(self, content: Mapping[str, Any]) -> None:
        """Answer a message of the script; a ValueError is shown as text in the drawer."""

    def settings_changed(self) -> None:
        """Follow the Lab, which was set to something else."""

    def run_changed(self) -> None:
        """Follow the run: its first charts are there, it ended, or a pin came or went."""

    def close(self) -> None:
        """End whatever runs."""
