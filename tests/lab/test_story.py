"""A story is checked step by step, and the lecture that ships is possible."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from ftte_lab.lab import Settings
from ftte_lab.lab.tools.story import Story
from ftte_lab.simulation import prepare
from tests.malformed.damage import mutations, texts

VALID: dict[str, Any] = {
    "format": "ftte_lab story 1",
    "title": "The buffer",
    "steps": [
        {"text": "Ten updates make a step.", "look": "fleet"},
        {
            "text": "Now three do.",
            "question": "What changes?",
            "settings": {"preset": "small", "set": {"buffer": 3}, "methods": ["ftte"], "seeds": 2},
            "look": "buffer",
        },
        {"text": "The same, still.", "look": "scoreboard"},
        {"text": "A code.", "settings": Settings().set(seed=5).code()},
    ],
}


def changed(at: tuple[Any, ...], value: Any) -> str:
    story = json.loads(json.dumps(VALID))
    inside = story
    for key in at[:-1]:
        inside = inside[key]
    inside[at[-1]] = value
    return json.dumps(story)


def test_steps_have_their_settings_or_those_before() -> None:
    story = Story.from_json(json.dumps(VALID))
    first, second, third, fourth = story.steps
    assert first.settings == Settings()
    assert (second.settings.methods, second.settings.seeds) == (("ftte",), 2)
    assert second.settings.scenario.clients == 30
    assert second.settings.scenario.buffer == 3
    assert third.settings == second.settings
    assert (third.question, third.look) == ("", "scoreboard")
    assert fourth.settings.scenario.seed == 5


def test_a_story_is_read_from_a_file_or_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text("\ufeff" + json.dumps(VALID), encoding="utf-8")
    assert Story.load(path).title == "The buffer"
    assert Story.load("lecture").title == "FTTE in 60 minutes"
    assert Story.names() == ("lecture",)
    with pytest.raises(ValueError, match=r"'lectur' cannot be read .*allowed: a file, or one of"):
        Story.load("lectur")


@pytest.mark.parametrize(
    ("at", "value", "sentence"),
    [
        (("format",), "ftte_lab story 9", r"format = 'ftte_lab story 9'; allowed: ftte_lab story"),
        (("title",), "", r"title = ''; allowed: 1 to 120 characters"),
        (("titel",), "x", r"part of a story = 'titel' is not known.*Did you mean 'title'"),
        (("steps",), [], r"steps = \[\]; allowed: a list of 1 to 60 steps"),
        (("steps", 1), 7, r"step 2 of the story: it is 7; allowed: an object"),
        (("steps", 0, "text"), 3, r"step 1 of the story: text = 3; allowed: 1 to 600"),
        (("steps", 0, "text"), "x" * 601, r"step 1 of the story: text = 'xxx"),
        (("steps", 0, "look"), "flet", r"step 1 of .*'flet' is not known.*mean 'fleet'"),
        (("steps", 0, "look"), ["fleet"], r"step 1 of the story: look = \['fleet'\]"),
        (("steps", 2, "loook"), "x", r"step 3 of the story: part of a step = 'loook'"),
        (("steps", 3, "settings"), "ftte2-nonsense", r"step 4 of the story: the code is cut off"),
        (("steps", 3, "settings"), 3, r"step 4 .*settings = 3; allowed: a share code or an object"),
        (("steps", 1, "settings", "set"), {"bufer": 3}, r"step 2 .*Did you mean 'buffer'"),
        (("steps", 1, "settings", "set"), {"buffer": 0}, r"step 2 of the story: buffer = 0"),
        (("steps", 1, "settings", "set"), {"method": "ftte"}, r"scenario field = 'method'"),
        (("steps", 1, "settings", "preset"), "tiny", r"step 2 .*preset = 'tiny' is not known"),
        (
            ("steps", 1, "settings", "methods"),
            "ftte",
            r"step 2 .*methods = 'ftte'; allowed: a list",
        ),
        (("steps", 1, "settings", "seeds"), 99, r"step 2 of the story: seeds = 99"),
        (("steps", 1, "settings", "own"), {}, r"step 2 .*part of settings = 'own' is not known"),
        (
            ("steps", 1, "settings"),
            {"methods": ["fedbuff"], "set": {"refill": "step"}},
            r"step 2 of the story: refill = 'step' contradicts",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_step(at: Any, value: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Story.from_json(changed(at, value))


def test_two_hundred_damaged_stories_get_a_sentence_each(tmp_path: Path) -> None:
    valid = json.dumps(VALID).encode()
    canary, draw = tmp_path / "canary", random.Random(2)  # noqa: S311
    damaged = [content for _, content in texts(valid, canary)]
    damaged += [content for _, content in mutations(valid, 200 - len(damaged), draw.randrange(99))]
    answers = []
    for content in damaged:
        try:
            Story.from_json(content)
        except ValueError as error:
            answers.append(str(error))
    assert len(answers) > 140
    for answer in answers:
        assert "; allowed: " in answer
        assert "\n" not in answer
        assert len(answer) < 900
    assert not canary.exists()


def test_every_step_of_the_lecture_can_be_prepared_and_asks_something() -> None:
    story = Story.load("lecture")
    assert 10 <= len(story.steps) <= 14
    for step in story.steps:
        assert step.question.endswith("?")
        assert step.look
        assert len(step.text) <= 220
    runs = {run for step in story.steps for run in step.settings.runs().values()}
    for run in sorted(runs, key=lambda s: s.digest()):
        prepared = prepare(run)
        assert len(prepared.timeline.step_s) >= 1
        if run.method == "ftte":
            assert prepared.holds.all()
