"""What instructors are handed: plans that add up, codes that open the lesson's Lab, links that lead somewhere."""

import itertools
import re
from pathlib import Path

import pytest

from ftte_lab.charts import label
from ftte_lab.course import LESSONS, lesson
from ftte_lab.course.exercises import EXERCISES
from ftte_lab.lab import Settings
from ftte_lab.simulation import prepare

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "INSTRUCTORS.md").read_text()
ANSWERS = (ROOT / "docs" / "teaching" / "answers.md").read_text()
PAGES = dict(re.findall(r"^### (\d\d)\n(.*?)(?=^##)", ANSWERS, re.M | re.S))


@pytest.mark.parametrize("minutes", [60, 180])
def test_the_plan_fills_its_minutes(minutes: int) -> None:
    plan = TEXT.split(f"## {minutes} minutes\n")[1].split("\n## ")[0]
    spans = [(int(a), int(b)) for a, b in re.findall(r"^\| (\d+) \| (\d+) \|", plan, re.M)]
    assert spans[0][0] == 0
    assert spans[-1][1] == minutes
    assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))
    assert all(a < b for a, b in spans)


@pytest.mark.parametrize("number", sorted(LESSONS))
def test_each_page_has_answers_three_wrong_ideas_a_slide_and_a_code_that_opens(number: str) -> None:
    page = PAGES[number]
    assert "Expected: " in page
    assert re.search(r"Exercises?: |One submission", page)
    assert len(re.findall(r'^- \*"', page, re.M)) == 3
    assert (ROOT / "docs" / "slides" / f"{number}.png").exists()
    [code] = re.findall(r"`(ftte1-[\w-]+)`", page)
    settings = Settings.restore(code)
    wanted = lesson(
        "08" if number == "09" else number
    ).scenario  # 09 turns the knobs of the assembled fleet
    changed = {k for k, v in settings.scenario.to_dict().items() if v != wanted.to_dict()[k]}
    assert changed <= {
        "local_steps",
        "straggler_share",
        "buffer",
        "payload_share",
        "budget_kib",
        "concurrency",
        "age_exponent",
    }
    for name, scenario in settings.runs().items():
        if number in ("00", "05"):
            assert prepare(scenario).timeline.end_s > 0, label(name)


def test_every_exercise_is_answered_and_every_link_leads_somewhere() -> None:
    assert set(PAGES) == {name[:2] for name in EXERCISES}
    heads = {h.lower().replace(" ", "-") for h in re.findall(r"^## (.+)$", TEXT, re.M)}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= heads
    assert len(re.findall(r"^\d+\. .*\(a\).*\(b\).*\(c\)", TEXT, re.M)) == 10
    key = TEXT.split("Key: ")[1]
    assert len(re.findall(r"\b\d+ [abc]\b", key.split(". Items")[0])) == 10


def test_the_readme_s_table_is_the_course() -> None:
    readme = (ROOT / "README.md").read_text()
    for number, one in LESSONS.items():
        assert re.search(
            rf"\| \[{number} · {re.escape(one.title)}\]\(notebooks/{number}_\w+\.ipynb\) \| {one.minutes} \|",
            readme,
        )
