"""A Lab without a page, for tests of one tool: it keeps what is published and where it goes."""

import json
import time
from collections.abc import Callable
from typing import Any

from ftte_lab.experiments import Comparison
from ftte_lab.lab.settings import Settings
from ftte_lab.lab.tools.host import Host
from tests.tiny import TINY


class FakeHost(Host):
    """Stand in for the Lab."""

    def __init__(self, settings: Settings | None = None) -> None:
        start = settings or Settings(Comparison(TINY))
        self.published: list[dict[str, Any]] = []
        self.gone: list[Settings] = []
        self.files: list[tuple[str, str, bytes]] = []
        self.now = start
        object.__setattr__(self, "current", lambda: self.now)
        object.__setattr__(self, "go", self._go)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _go(self, settings: Settings) -> None:
        settings.runs()
        self.now = settings
        self.gone.append(settings)

    def publish(self, tool: str, part: str = "", buffers: Any = None, **content: Any) -> None:
        json.dumps(content, allow_nan=False)  # what is not JSON cannot be sent
        self.published.append({"tool": tool, "part": part, **content})

    def send_file(self, name: str, mime: str, content: bytes) -> None:
        self.files.append((name, mime, content))

    def last(self, part: str) -> dict[str, Any]:
        return next((c for c in reversed(self.published) if c["part"] == part), {})

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, self.published[-3:]
            time.sleep(0.01)

    def phase(self, phase: str) -> dict[str, Any]:
        self.until(lambda: self.last("state").get("phase") == phase)
        return self.last("state")
