"""The deck: one idea per slide, a question per page, charts that exist, and files up to date."""

import io
import re
from pathlib import Path
from typing import Any

import pytest

from docs.deck.layout import HIGH, WIDE, boxes
from docs.deck.source import PREDICT, SOURCE, Slide, filled, question_of, read_slides
from ftte_lab.charts import Figure, accuracy, projected
from ftte_lab.course import LESSONS
from ftte_lab.simulation import run
from tests.project.sentences import length, sentences
from tests.project.test_words import MOST_WORDS, riddles
from tests.tiny import TINY

ROOT = Path(__file__).parents[2]
SLIDES = read_slides(SOURCE.read_text(encoding="utf-8"))
DECK = ROOT / "docs" / "slides" / "deck.pptx"
PLACEHOLDER = re.compile(r"\{[^}]*\}")
DRAWN = {
    page: set(re.findall(r'"(\w+)": (?:Drawn|_rivals)\(', body))
    for name in ("first_pages", "later_pages")
    for page, body in re.findall(
        r"^def page_(\d\d)\(.*?\n(.*?)(?=^def |\Z)",
        (ROOT / "docs" / "deck" / f"{name}.py").read_text(encoding="utf-8"),
        re.M | re.S,
    )
}


def texts(slide: Slide) -> list[str]:
    return [slide.title, *slide.lines, *(what for _, what in slide.tiles), slide.notes]


def pattern(text: str) -> str:
    """Return an expression that a text with filled placeholders matches."""
    return "".join(
        ".+?" if PLACEHOLDER.fullmatch(part) else re.escape(part)
        for part in re.split(r"(\{[^}]*\})", text)
    )


def test_deck_has_a_section_per_page_and_a_question_in_each() -> None:
    assert 40 <= len(SLIDES) <= 55
    sections = list(dict.fromkeys(slide.section for slide in SLIDES if slide.page))
    assert sections == [f"{n} · {lesson.title}" for n, lesson in LESSONS.items()]
    asked = [s.chart.removeprefix(PREDICT) for s in SLIDES if s.chart.startswith(PREDICT)]
    assert asked == [n for n in LESSONS if n != "10"]  # there the students decide themselves


@pytest.mark.parametrize("slide", SLIDES, ids=lambda s: s.title[:40])
def test_slide_is_short_plain_and_has_notes(slide: Slide) -> None:
    assert 8 <= len(PLACEHOLDER.sub("5", slide.title)) <= 80
    assert not slide.title.endswith(".") or ". " in slide.title
    assert length(slide.notes) >= 8
    assert len(slide.lines) <= 4
    kinds = (bool(slide.chart), bool(slide.tiles), bool(slide.code))
    assert sum(kinds) <= 1
    for text in texts(slide):
        for one in sentences(PLACEHOLDER.sub("5", text)):
            assert length(one) <= MOST_WORDS, one
        assert riddles(text) == []


def test_every_chart_is_drawn_and_every_drawing_is_shown() -> None:
    assert set(DRAWN) == set(LESSONS)
    for page, names in DRAWN.items():
        shown = {s.chart for s in SLIDES if s.page == page and s.chart}
        assert {name for name in shown if not name.startswith(PREDICT)} == names


def test_placeholders_name_charts() -> None:
    names = {name for drawn in DRAWN.values() for name in drawn}
    for slide in SLIDES:
        for text in [*texts(slide), *(number for number, _ in slide.tiles)]:
            for name in re.findall(r"\{(\w+)", text):
                assert name in names, text


@pytest.mark.parametrize("page", [n for n in LESSONS if n != "10"])
def test_question_is_that_of_the_page(page: str) -> None:
    question, choices = question_of(page)
    assert question.endswith("?")
    assert 3 <= len(choices) <= 4


@pytest.mark.parametrize("slide", SLIDES, ids=lambda s: s.title[:40])
def test_boxes_stay_on_the_slide(slide: Slide) -> None:
    for box in boxes(slide, "footer", b"x" if slide.chart else b""):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= WIDE
        assert box.y + box.height <= HIGH
        assert box.size >= 12


def test_facts_fill_titles_and_notes() -> None:
    slide = Slide("05 · x", "{a[times]:.1f} times", lines=["{a[times]:.0f}"], notes="{b[c][d]:.0f}")
    done = filled(slide, {"a": {"times": 2.25}, "b": {"c": {"d": 3}}})
    assert (done.title, done.lines, done.notes) == ("2.2 times", ["2"], "3")
    with pytest.raises(KeyError):
        filled(slide, {})
    with pytest.raises(ValueError, match="no part of a slide"):
        read_slides("## A title\nA stray line")


def test_projected_chart_has_no_title_and_fits_its_place() -> None:
    from PIL import Image

    figure: Figure = accuracy({"ftte": run(TINY.as_method("ftte"))})
    with Image.open(io.BytesIO(projected(figure, 1160, 420))) as picture:
        wide, high = picture.size
    assert wide <= 2 * 1160 + 2
    assert high <= 2 * 420 + 2
    assert wide > 0.9 * 2 * 1160 or high > 0.9 * 2 * 420


def test_powerpoint_is_made_from_this_source() -> None:
    pptx: Any = pytest.importorskip("pptx")
    pages = list(pptx.Presentation(str(DECK)).slides)
    assert len(pages) == len(SLIDES), "run `make deck`"
    for page, slide in zip(pages, SLIDES, strict=True):
        assert re.fullmatch(pattern(slide.title), page.shapes.title.text_frame.text)
        assert re.fullmatch(pattern(slide.notes), page.notes_slide.notes_text_frame.text)
        shown = [s.text_frame.text for s in page.shapes if s.has_text_frame]
        [footer] = [text for text in shown if text.startswith("ftte_lab ")]
        assert not slide.page or (f"{slide.section} · seed 0 · " in footer)
        pictures = [s for s in page.shapes if s.shape_type == 13]
        assert len(pictures) == (bool(slide.chart) and not slide.chart.startswith(PREDICT))
        for picture in pictures:
            assert len(picture.element.nvPicPr.cNvPr.get("descr")) > 30
