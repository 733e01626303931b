"""Stories: sentences, settings and where to look, step by step, as a JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from ftte_lab._common import brief, choice, read_json, require, shown
from ftte_lab.experiments import preset
from ftte_lab.lab.knobs import FIRST_KNOBS, KNOBS
from ftte_lab.lab.panels import PANELS
from ftte_lab.lab.settings import Settings
from ftte_lab.simulation import SETTINGS

_FORMAT = "ftte_lab story 1"
_STORY = ("format", "title", "steps")
_STEP = ("text", "question", "settings", "look")
_CHANGES = ("preset", "set", "methods", "seeds", "over", "metric", "watch", "target")
_LONGEST_TITLE, _LONGEST_TEXT, _MOST_STEPS = 120, 600, 60
_LARGEST_BYTES = 1 << 20
_HOW = "a story file, see docs/lab.md"


@dataclass(frozen=True)
class Step:
    """One step of a story.

    Attributes:
        text: one or two sentences.
        question: what to ask before the next step; may be empty.
        settings: what the Lab is set to.
        look: where to look: a panel, a knob, or `scoreboard`; may be empty.
    """

    text: str
    question: str
    settings: Settings
    look: str


@dataclass(frozen=True)
class Story:
    """A title, and at least one step.

    Example:
        >>> story = Story.from_json('''{
        ...     "format": "ftte_lab story 1",
        ...     "title": "The buffer",
        ...     "steps": [
        ...         {"text": "The server waits for ten updates.", "look": "fleet"},
        ...         {"text": "Now it waits for three.", "question": "What changes?",
        ...          "settings": {"preset": "lab", "set": {"buffer": 3}}, "look": "buffer"}
        ...     ]
        ... }''')
        >>> [(step.settings.scenario.buffer, step.look) for step in story.steps]
        [(10, 'fleet'), (3, 'buffer')]
    """

    title: str
    steps: tuple[Step, ...]

    @classmethod
    def load(cls, path_or_name: str | Path) -> Story:
        """Read a story file, or one that ships with the kit by its name (see `names`).

        Raises:
            ValueError: a file that is missing or no story: what is wrong, in which step.
        """
        shipped = _shipped()
        if isinstance(path_or_name, str) and path_or_name in shipped:
            return cls.from_json(shipped[path_or_name].read_bytes())
        path = Path(path_or_name)
        try:
            content = path.read_bytes()
        except (OSError, ValueError) as error:
            names = ", ".join(shipped)
            problem = f"the story {shown(str(path_or_name))} cannot be read ({brief(error)})"
            raise ValueError(f"{problem}; allowed: a file, or one of {names}.") from error
        return cls.from_json(content)

    @staticmethod
    def names() -> tuple[str, ...]:
        """Return the names of the stories that ship with the kit."""
        return tuple(_shipped())

    @classmethod
    def from_json(cls, text: str | bytes) -> Story:
        """Read the text of a story file.

        Raises:
            ValueError: text that is no story: what is wrong, in which step.
        """
        require(len(text) <= _LARGEST_BYTES, f"a story of {len(text):,} bytes", "up to 1 MiB")
        raw = read_json(text, "the story", _HOW)
        for key in raw:
            choice("part of a story", key, _STORY)
        require(raw.get("format") == _FORMAT, f"format = {shown(raw.get('format'))}", _FORMAT)
        title = _text(raw.get("title"), "title", _LONGEST_TITLE)
        steps = raw.get("steps")
        ok = isinstance(steps, list) and 0 < len(steps) <= _MOST_STEPS
        require(ok, f"steps = {shown(steps)}", f"a list of 1 to {_MOST_STEPS} steps")
        made: list[Step] = []
        for number, step in enumerate(steps or [], 1):
            before = made[-1].settings if made else Settings()
            try:
                made.append(_step(step, before))
            except ValueError as error:
                raise ValueError(f"step {number} of the story: {error}") from error
        return cls(title, tuple(made))


def _shipped() -> dict[str, Any]:
    """Return the files that ship with the kit, by name."""
    folder = files("ftte_lab.lab") / "stories"
    found = sorted(folder.iterdir(), key=lambda file: file.name)
    return {f.name.removesuffix(".json"): f for f in found if f.name.endswith(".json")}


def _step(raw: Any, before: Settings) -> Step:
    """Read one step; without settings it keeps those of the step before."""
    require(isinstance(raw, dict), f"it is {shown(raw)}", "an object with its parts")
    for key in raw:
        choice("part of a step", key, _STEP)
    look = raw.get("look", "")
    if look != "" and look not in KNOBS:
        choice("look", look, ("scoreboard", *PANELS, *FIRST_KNOBS))
    settings = _settings(raw["settings"]) if "settings" in raw else before
    settings.runs()
    question = _text(raw["question"], "question", _LONGEST_TEXT) if "question" in raw else ""
    return Step(_text(raw.get("text"), "text", _LONGEST_TEXT), question, settings, look)


def _text(value: Any, name: str, longest: int) -> str:
    ok = isinstance(value, str) and 0 < len(value.strip()) <= longest
    require(ok, f"{name} = {shown(value)}", f"1 to {longest} characters")
    return str(value).strip()


def _settings(raw: Any) -> Settings:
    """Read a share code, or changes of a preset."""
    if isinstance(raw, str):
        return Settings.restore(raw)
    require(isinstance(raw, dict), f"settings = {shown(raw)}", "a share code or an object")
    for key in raw:
        choice("part of settings", key, _CHANGES)
    name, fields = raw.get("preset", "lab"), raw.get("set", {})
    require(isinstance(name, str), f"preset = {shown(name)}", "the name of a preset")
    require(isinstance(fields, Mapping), f"set = {shown(fields)}", "an object with fields")
    for key in fields:
        choice("scenario field", key, [field for field in SETTINGS if field != "method"])
    methods = raw.get("methods", preset(name).methods)
    listed = isinstance(methods, list | tuple) and all(isinstance(m, str) for m in methods)
    require(listed, f"methods = {shown(methods)}", "a list of names")
    view = {key: raw[key] for key in _CHANGES[3:] if key in raw}
    comparison = preset(name).replace(methods=tuple(methods)).set(**fields)
    return Settings(comparison, **view)
