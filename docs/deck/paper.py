"""Write the deck as PDF: the same boxes as a page of HTML, printed by Chromium."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

from playwright.sync_api import sync_playwright

from docs.deck.layout import CODE, HIGH, WIDE, Box
from tests.browser.driver import FLAGS, chromium

_STYLE = f"""
@page {{ size: {WIDE}in {HIGH}in; margin: 0 }}
body {{ margin: 0; font-family: Arial, "Liberation Sans", "DejaVu Sans", sans-serif }}
section {{ position: relative; width: {WIDE}in; height: {HIGH}in; overflow: hidden;
  break-after: page }}
div {{ position: absolute; display: flex; flex-direction: column; line-height: 1.2 }}
p {{ margin: 0; white-space: pre-wrap }}
img {{ width: 100%; height: 100%; object-fit: contain }}
"""


def as_html(slides: Sequence[tuple[str, list[Box], str]], title: str) -> str:
    """Return the deck as one page of HTML, without scripts and without outside files."""
    pages = "\n".join(f"<section>{''.join(map(_box, boxes))}</section>" for _, boxes, _ in slides)
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{pages}</body></html>'


def _box(box: Box) -> str:
    style = [
        f"left:{box.x}in;top:{box.y}in;width:{box.width}in;height:{box.height}in",
        f"font-size:{box.size}pt;color:{box.colour}",
        f"font-weight:{'bold' if box.bold else 'normal'}",
        f"justify-content:{'center' if box.middle else 'flex-start'}",
        f"text-align:{'center' if box.centred else 'left'}",
    ]
    if box.fill:
        style.append(f"background:{box.fill}")
    if box.font == CODE:
        style.append('font-family:"Courier New","Liberation Mono","DejaVu Sans Mono",monospace')
    inside = "".join(f"<p>{html.escape(line)}</p>" for line in box.lines)
    if box.picture:
        data = base64.b64encode(box.picture).decode()
        inside = f'<img alt="{html.escape(box.alt_text)}" src="data:image/png;base64,{data}">'
    return f"<div style='{';'.join(style)}'>{inside}</div>"


def write_pdf(page: str) -> bytes:
    """Return a page of HTML as PDF, drawn by the Chromium of the browser tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        tab = browser.new_page()
        tab.set_content(page)
        content: bytes = tab.pdf(prefer_css_page_size=True, print_background=True)
        browser.close()
    return content
