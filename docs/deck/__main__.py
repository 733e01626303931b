"""Make the deck: `python -m docs.deck [PAGE ...]`, which `make deck` calls.

It runs the fleets of the pages (some minutes), draws the charts, and writes `docs/slides/deck.pptx`
and `docs/slides/deck.pdf`. Charts and facts are kept in `build/deck`; with pages given, only theirs
are drawn again. `python -m docs.deck kept` draws none, after a change of words.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch

from docs.deck import first_pages, later_pages
from docs.deck.drawn import Drawn
from docs.deck.layout import ROOM, Box, boxes
from docs.deck.paper import as_html, write_pdf
from docs.deck.powerpoint import write_powerpoint
from docs.deck.source import PREDICT, ROOT, SOURCE, Slide, filled, read_slides
from ftte_lab._common import write_atomic
from ftte_lab.charts import projected
from ftte_lab.course import LESSONS, lesson

KEPT = ROOT / "build" / "deck"
TARGET = ROOT / "docs" / "slides"
TITLE = "FTTE: training where memory is short"
WITHOUT = "kept"
_PIXELS = 96  # of an inch of a slide

PAGES: Mapping[str, Callable[[], dict[str, Drawn]]] = {
    number: getattr(module, f"page_{number}")
    for number in LESSONS
    for module in (first_pages if number < "06" else later_pages,)
}
"""What draws the charts of a page."""


def draw(page: str) -> None:
    """Draw the charts of one page, and keep them with their facts."""
    folder = KEPT / page
    folder.mkdir(parents=True, exist_ok=True)
    facts = {}
    for name, drawn in PAGES[page]().items():
        write_atomic(folder / f"{name}.png", projected(drawn.figure, ROOM * _PIXELS, 420))
        facts[name] = {"alt_text": drawn.figure.alt_text, **plain(drawn.facts)}
    write_atomic(folder / "facts.json", json.dumps(facts, indent=1).encode())
    print(f"{page}: {', '.join(facts)}", flush=True)


def plain(facts: Any) -> Any:
    """Return facts as plain numbers."""
    if isinstance(facts, Mapping):
        return {key: plain(value) for key, value in facts.items()}
    return float(facts)


def kept_facts() -> dict[str, Any]:
    """Return the facts of all charts by the charts' names."""
    found: dict[str, Any] = {}
    for path in sorted(KEPT.glob("*/facts.json")):
        found |= json.loads(path.read_text(encoding="utf-8"))
    return found


def footer(slide: Slide, version: str) -> str:
    """Return the line below a slide: kit, page, seed and fleet."""
    parts = [f"ftte_lab {version}", slide.section or "arXiv 2510.03165, rebuilt"]
    if slide.page:
        fleet = lesson(slide.page).about.partition("; ")[0]
        parts += ["seed 0", fleet]
    return " · ".join(parts)


def composed(version: str) -> list[tuple[str, list[Box], str]]:
    """Return title, boxes and notes of every slide."""
    facts, slides = kept_facts(), []
    for raw in read_slides(SOURCE.read_text(encoding="utf-8")):
        slide = filled(raw, facts)
        picture, alt_text = b"", ""
        if slide.chart and not slide.chart.startswith(PREDICT):
            [path] = KEPT.glob(f"*/{slide.chart}.png")
            picture, alt_text = path.read_bytes(), facts[slide.chart]["alt_text"]
        found = boxes(slide, footer(slide, version), picture, alt_text)
        slides.append((slide.title, found, slide.notes))
    return slides


def main(pages: list[str]) -> None:
    """Draw, and write both files."""
    torch.set_num_threads(1)
    for page in [] if pages == [WITHOUT] else pages or PAGES:
        draw(page)
    slides = composed(version())
    write_atomic(TARGET / "deck.pptx", write_powerpoint(slides, TITLE))
    write_atomic(TARGET / "deck.pdf", write_pdf(as_html(slides, TITLE)))
    for name in ("deck.pptx", "deck.pdf"):
        print(f"{name}: {len(slides)} slides, {(TARGET / name).stat().st_size / 1e6:.1f} MB")


def version() -> str:
    """Return the version of the kit, from its project file."""
    import tomllib

    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


if __name__ == "__main__":
    main(sys.argv[1:])
