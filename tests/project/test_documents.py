"""The written pages: links that resolve, sizes, and one name for field, knob and glossary entry."""

import dataclasses
import re
from pathlib import Path

import pytest

from ftte_lab.lab import KNOBS
from ftte_lab.simulation import Scenario

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("[a-z]*/**/*.md")]
    if not {"build", "node_modules"} & set(path.relative_to(ROOT).parts)
)
FIELDS = [field.name for field in dataclasses.fields(Scenario)]
KNOBS_BEYOND_FIELDS = {"methods", "seeds"}


def prose(text: str) -> str:
    """Return a page without code, links' targets, file names, page labels and comments."""
    text = re.sub(r"```.*?```|<!--.*?-->", " ", text, flags=re.S)
    text = re.sub(r"^ {4,}\S.*$|^\d+\. ", " ", text, flags=re.M)
    text = re.sub(r"\[(?:\d\d · )?([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`[^`]*`|https?://\S+|\b[\w./-]+\.(?:md|py|ipynb|csv|png)\b", " ", text)
    return re.sub(r"arXiv \d+\.\d+", "arXiv", text)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and JupyterLab form them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)|`", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_resolve(page: Path) -> None:
    """Relative links of every page, and the anchors that they name."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), f"{page.relative_to(ROOT)} links to {target}"
        if anchor and place.suffix == ".md":
            assert anchor in anchors(place.read_text()), f"{page.relative_to(ROOT)}: {target}"


def test_readme_is_short_and_has_few_numbers() -> None:
    text = prose((ROOT / "README.md").read_text())
    assert len(text.split()) <= 700
    numbers = re.findall(r"\d[\d.,]*", text)
    assert len(numbers) <= 25, numbers


def test_contributing_is_one_page() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) <= 60


def test_glossary_names_every_field_once() -> None:
    text = (ROOT / "GLOSSARY.md").read_text()
    lines = re.findall(r"^Fields?: ((?:`\w+`(?:, | and )?)+)", text, re.M)
    named = [name for line in lines for name in re.findall(r"`(\w+)`", line)]
    assert sorted(named) == sorted(FIELDS)


def test_every_knob_is_a_field() -> None:
    assert set(KNOBS) - KNOBS_BEYOND_FIELDS <= set(FIELDS)
    assert set(KNOBS) >= KNOBS_BEYOND_FIELDS
