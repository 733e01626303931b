"""The tools of a page, and how messages reach them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftte_lab.lab.tools.host import Host, Tool

TOOLS: list[type[Tool]] = []
"""The tools, in the order of their buttons; the package adds them, each is made with a `Host`."""


class Toolbox:
    """Hold the tools of one Lab; without a page there are none.

    Args:
        host: what the tools may use.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._tools = {tool.name: tool for tool in (make(host) for make in TOOLS if host.live)}

    def tool(self, name: str) -> Any:
        """Return a tool; `None` where there is no page."""
        return self._tools.get(name)

    def receive(self, content: Mapping[str, Any]) -> None:
        """Pass on a message of a tool's script; what goes wrong is shown in its drawer."""
        tool = self._tools.get(str(content.get("tool")))
        if tool is None:
            return
        try:
            self._host.publish(tool.name, "error", text="")
            tool.receive(content)
        except ValueError as error:
            text = str(error)
            self._host.publish(tool.name, "error", text=text[:1].upper() + text[1:])

    def settings_changed(self) -> None:
        """Inform all tools that the Lab was set to something else."""
        for tool in self._tools.values():
            tool.settings_changed()

    def run_changed(self) -> None:
        """Inform all tools that the run went on, or that a pin came or went."""
        for tool in self._tools.values():
            tool.run_changed()

    def close(self) -> None:
        """End all tools."""
        for tool in self._tools.values():
            tool.close()
        self._tools = {}
