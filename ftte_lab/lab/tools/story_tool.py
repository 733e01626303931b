"""Story mode on the page: Next and Back set the Lab, and show where to look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftte_lab._common import choice, integer
from ftte_lab.lab.panels import PANELS
from ftte_lab.lab.tools.host import Host
from ftte_lab.lab.tools.story import Story


class StoryTool:
    """Step through a story."""

    name = "story"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._story: Story | None = None
        self._at = 0
        stories = [{"name": name, "title": Story.load(name).title} for name in Story.names()]
        host.publish(self.name, "stories", stories=stories)

    def receive(self, content: Mapping[str, Any]) -> None:
        """Open a story, by name or from the text of a file, go to a step, or end it.

        Raises:
            ValueError: a file that is no story, or a step that is not there.
        """
        action = content.get("action")
        choice("action", action, ("open", "file", "go", "begin", "end"))
        if action == "open":
            choice("story", content.get("story"), Story.names())
            self.begin(Story.load(str(content.get("story"))))
        elif action == "file":
            self.begin(Story.from_json(str(content.get("text"))))
        elif action == "end" or self._story is None:
            self._story = None
            self._publish()
        else:
            last = len(self._story.steps) - 1
            at = 0 if action == "begin" else content.get("at")
            self._go(integer("step", at, 0, last))

    def begin(self, story: Story) -> None:
        """Open a story at its first step, and set the Lab to it."""
        self._story = story
        self._go(0)

    def _go(self, at: int) -> None:
        """Go to a step; where its settings are those of the Lab, nothing runs again."""
        assert self._story is not None  # noqa: S101  # for the type checker
        self._at = at
        step = self._story.steps[at]
        self._publish()
        if not step.settings.same_runs(self._host.settings):
            self._host.apply(step.settings)
        display = self._host.display
        if step.look in PANELS and step.look not in display.shown:
            display.select_charts([*display.shown, step.look])
            display.show_panels(self._host.settings)

    def _publish(self) -> None:
        story = self._story
        if story is None:
            self._host.publish(self.name, "step", count=0)
            return
        step = story.steps[self._at]
        self._host.publish(
            self.name,
            "step",
            title=story.title,
            at=self._at,
            count=len(story.steps),
            text=step.text,
            question=step.question,
            look=step.look,
        )

    def settings_changed(self) -> None:
        """Keep the step: a listener may turn the knobs."""

    def run_changed(self) -> None:
        """Do nothing: a step is what it is."""

    def close(self) -> None:
        """Do nothing: nothing runs."""
