"""The questions an engineer asks, each answered within five clicks in a real browser."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from PIL import Image

from tests.browser.driver import Server, Tab
from tests.browser.test_lab_in_browser import keep, lab_cell
from tests.browser.test_lab_tools import HOME
from tests.tiny import TINY

pytestmark = pytest.mark.slow

MOST = 5
# A fleet that reaches 90 % before it ends, as the questions need it.
ABLE = TINY.replace(
    warm_start_steps=100, mix={"phone": 0.5, "watch": 0.2, "sensor": 0.3}, horizon_s=90.0
)
METHODS = 'methods=["fedavg", "ftte"]'
COPIED = """async () => {
  for (let k = 0; k < 100 && !(await navigator.clipboard.readText()); k++)
    await new Promise((done) => setTimeout(done, 100));
  return navigator.clipboard.readText(); }"""
ANSWERED = """words => document.querySelector('.ftte-find').dataset.phase === 'done'
  && new RegExp(words).test(document.querySelector('.ftte-find-answer').textContent)"""
# Every press of the mouse counts; a keyboard or a script would be seen as none.
COUNT = """() => { window.presses = 0; window.keys = 0;
  addEventListener('mousedown', (e) => { if (e.isTrusted) window.presses += 1; }, true);
  addEventListener('keydown', () => { window.keys += 1; }, true); }"""


@contextmanager
def few_clicks(tab: Tab) -> Iterator[None]:
    """Count the presses of the mouse; the keyboard is not used."""
    tab.page.evaluate(COUNT)
    yield
    assert tab.page.evaluate("() => window.keys") == 0
    assert 1 <= tab.page.evaluate("() => window.presses") <= MOST


def opened(tab: Tab, server: Server, name: str) -> None:
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.open(server.write(name, HOME, lab_cell(ABLE, METHODS)))
    tab.phase("done")


def test_what_if_half_my_fleet_were_watches(tab: Tab, server: Server) -> None:
    opened(tab, server, "watches.ipynb")
    number, verdict = int(tab.stage("number")), tab.page.locator(".ftte-verdict").inner_text()
    with few_clicks(tab):
        tab.press("pin")
        tab.drag("watch", 0.5)
        tab.until("n => Number(document.querySelector('.ftte-stage').dataset.number) > n", number)
        tab.phase("done")
        row = tab.page.locator(".ftte-scores tr[data-method=ftte]")
        row.locator(".ftte-earlier").first.wait_for()  # each figure against the pinned run
    readout = tab.page.locator(".ftte-knob-mix .widget-slider", has_text="watch")
    assert "50" in readout.locator(".widget-readout").inner_text()
    assert "A" in tab.page.locator(".ftte-pins li b").inner_text()
    assert "watch" in tab.page.locator(".ftte-pins li").inner_text()
    assert tab.page.locator(".ftte-verdict").inner_text() != verdict
    keep(tab, "question_watches")
    assert tab.errors() == []


def test_which_budget_for_ninety_percent(tab: Tab, server: Server) -> None:
    opened(tab, server, "budget.ipynb")
    with few_clicks(tab):
        tab.press("find")
        tab.page.get_by_role("button", name="the smallest memory budget").click()
        tab.until(ANSWERED, r"\d KiB.*90 %", 200)
    keep(tab, "question_budget")
    assert tab.page.locator(".ftte-find circle").count() >= 4
    assert tab.errors() == []


def test_cheapest_buffer(tab: Tab, server: Server) -> None:
    opened(tab, server, "buffer.ipynb")
    for unit, said in (("bytes", "MB"), ("joules", "J")):
        with few_clicks(tab):
            if unit == "bytes":
                tab.press("find")
            tab.page.get_by_role("button", name=f"the cheapest buffer, in {unit}").click()
            tab.until(ANSWERED, rf"\d {said}", 200)
        keep(tab, f"question_buffer_{unit}")
        assert tab.page.locator(".ftte-find button", has_text="Go to").is_visible()
    assert tab.errors() == []


def test_onto_a_slide_and_into_a_paper(tab: Tab, server: Server) -> None:
    opened(tab, server, "slide.ipynb")
    with few_clicks(tab):
        tab.press("save")
        with tab.page.expect_download() as saved:
            tab.page.get_by_role("button", name="Slide", exact=True).click()
        tab.press("pin")
        tab.press("compare")
        drawer = tab.page.locator(".ftte-drawer-compare")
        drawer.locator("[data-form=latex]").first.click()
        tab.until("() => document.querySelector('.ftte-drawer-compare [role=status]').textContent")
    assert saved.value.suggested_filename.endswith("-curves-slide.png")
    with open(saved.value.path(), "rb") as file:
        assert Image.open(io.BytesIO(file.read())).size == (1280, 720)
    text = tab.page.evaluate(COPIED)
    assert text.startswith(r"\begin{tabular}")
    assert text.count("FTTE") == 1
    assert tab.errors() == []
