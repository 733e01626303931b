"""A page without a browser: it receives what a Lab sends and presses its buttons."""

import json
import time
from collections.abc import Callable
from typing import Any

from ftte_lab.experiments import Comparison
from ftte_lab.lab import Settings
from ftte_lab.lab.lab import Lab
from tests.tiny import TINY

TINY_SETTINGS = Settings(Comparison(TINY))


class Page:
    """Stand in for the browser: keep what the stage sends, press its buttons."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.received: list[tuple[dict[str, Any], list[bytes]]] = []
        lab.display.stage.send = self._receive

    def _receive(self, content: Any, buffers: Any = None) -> None:
        json.dumps(content)  # what is not JSON cannot be sent
        self.received.append((content, buffers or []))

    def press(self, name: str, **content: Any) -> None:
        self.lab.display.stage._receive(None, {"action": name, **content}, [])

    def last(self, kind: str) -> dict[str, Any]:
        return next((c for c, _ in reversed(self.received) if c["kind"] == kind), {})

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, [c.get("kind") for c, _ in self.received][-8:]
            time.sleep(0.005)

    def phase(self, phase: str) -> None:
        self.until(lambda: self.last("state").get("phase") == phase)
