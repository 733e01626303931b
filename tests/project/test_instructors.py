"""Pages for instructors: plans that add up, codes that open a lesson's Lab, links that work."""

import itertools
import re
from pathlib import Path

import pytest

from ftte_lab.course import EXERCISES, LESSONS, lesson
from ftte_lab.lab import Settings
from ftte_lab.simulation import prepare

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "INSTRUCTORS.md").read_text()
ANSWERS = (ROOT / "docs" / "teaching" / "answers.md").read_text()
PAGES = dict(re.findall(r"^### (\d\d)\n(.*?)(?=^##)", ANSWERS, re.M | re.S))
TURNED = {
    "local_steps",
    "straggler_share",
    "buffer",
    "payload_share",
    "budget_kib",
    "concurrency",
    "age_exponent",
}
"""Knobs that the instructors' codes turn."""


@pytest.mark.parametrize("minutes", [60, 180])
def test_plan_fills_its_minutes(minutes: int) -> None:
    plan = TEXT.split(f"## {minutes} minutes\n")[1].split("\n## ")[0]
    spans = [(int(a), int(b)) for a, b in re.findall(r"^\| (\d+) \| (\d+) \|", plan, re.M)]
    assert spans[0][0] == 0
    assert spans[-1][1] == minutes
    assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))
    assert all(a < b for a, b in spans)
    assert re.search(r"^\| \d+ \| \d+ \| \*\*04\*\* Train only a part", plan, re.M)
    assert "stimated" in plan.split("| from")[0]  # nobody has measured a class
    planned = re.findall(r"^\| \d+ \| \d+ \| \*\*(\d\d)\*\* ", plan, re.M)
    assert planned == sorted(planned)
    assert len(planned) == len(set(planned))


@pytest.mark.parametrize("number", sorted(LESSONS))
def test_page_has_answers_three_wrong_ideas_and_a_slide(number: str) -> None:
    page = PAGES[number]
    assert "Expected: " in page
    assert re.search(r"Exercises?: |One submission", page)
    assert len(re.findall(r'^- \*"', page, re.M)) == 3
    assert (ROOT / "docs" / "slides" / f"{number}.png").exists()


@pytest.mark.parametrize("number", sorted(LESSONS))
def test_code_of_a_page_opens_the_lab_of_its_lesson(number: str) -> None:
    """The code of 09 turns the knobs of the assembled fleet, that of 08."""
    [code] = re.findall(r"`(ftte[12]-[\w-]+)`", PAGES[number])
    settings = Settings.restore(code)
    wanted = lesson("08" if number == "09" else number).scenario.to_dict()
    changed = {name for name, v in settings.scenario.to_dict().items() if v != wanted[name]}
    assert changed <= TURNED
    if number in ("00", "05"):
        for method, scenario in settings.runs().items():
            assert prepare(scenario).timeline.end_s > 0, method


def test_pages_answer_every_exercise() -> None:
    assert set(PAGES) == {name[:2] for name in EXERCISES}


def test_links_are_complete() -> None:
    heads = {h.lower().replace(" ", "-") for h in re.findall(r"^## (.+)$", TEXT, re.M)}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= heads


def test_readme_lists_the_lessons_with_title_and_minutes() -> None:
    readme = (ROOT / "README.md").read_text()
    for number, one in LESSONS.items():
        link = rf"\[{number} · {re.escape(one.title)}\]\(notebooks/{number}_\w+\.ipynb\)"
        assert re.search(rf"\| {link} \| {one.minutes} \|", readme)
