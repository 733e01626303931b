"""Gallery, Find and Sweep in a real browser, by mouse and by keyboard."""

import re
from pathlib import Path

import pytest

from tests.browser.driver import Server, Tab
from tests.browser.test_lab_in_browser import keep, lab_cell
from tests.tiny import TINY

pytestmark = pytest.mark.slow

HOME = 'import os, tempfile\nos.environ["FTTE_DATA_HOME"] = tempfile.mkdtemp()'
ONE = 'methods=["ftte", "fedbuff"]'


def opened(tab: Tab, server: Server, name: str) -> None:
    """Open a Lab whose searches keep their runs in a folder of their own."""
    tab.open(server.write(name, HOME, lab_cell(TINY, ONE)))
    tab.phase("done")


def drawer(tab: Tab, name: str) -> None:
    """Open a tool's drawer by keyboard."""
    tab.page.locator(f"[data-action={name}]").first.focus()
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector(f".ftte-drawer-{name}:not([hidden])")


def code(tab: Tab) -> str:
    return str(tab.page.locator(".ftte-code").first.input_value())


def number(tab: Tab) -> int:
    return int(tab.stage("number"))


def test_a_fleet_of_the_gallery_changes_the_lab(tab: Tab, server: Server) -> None:
    opened(tab, server, "gallery.ipynb")
    drawer(tab, "gallery")
    cards = tab.page.locator(".ftte-gallery-go")
    assert cards.count() == 8
    keep(tab, "gallery")
    before = number(tab)
    cards.nth(1).focus()
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector(".ftte-gallery-question:not([hidden])")
    assert "Does anyone learn at all" in tab.page.locator(".ftte-gallery-question").inner_text()
    tab.until("n => Number(document.querySelector('.ftte-stage').dataset.number) > n", before)
    tab.until("() => document.querySelector('.ftte-gallery-go[aria-pressed=true]') !== null")
    tab.press("stop")
    assert "esp32" in tab.page.locator(".ftte-lab").first.inner_text()
    keep(tab, "gallery_chosen")
    assert tab.errors() == []


def test_find_answers_in_words_and_goes_there(tab: Tab, server: Server) -> None:
    opened(tab, server, "find.ipynb")
    drawer(tab, "find")
    for label, value in (("knob to search", "local_steps"), ("number of seeds", "2")):
        tab.page.locator(".ftte-find").get_by_label(label, exact=True).select_option(value)
    for label, text in (("target accuracy in percent", "25"), ("limit", "0.5")):
        box = tab.page.locator(".ftte-find").get_by_label(label, exact=True)
        box.fill(text)
    tab.page.locator(".ftte-find").get_by_label("upper end of the range").fill("8")
    tab.page.keyboard.press("Enter")
    tab.until("() => document.querySelector('.ftte-find').dataset.phase === 'done'", None, 90)
    answer = tab.page.locator(".ftte-find-answer").inner_text()
    assert re.search("Already|lies between|Nothing", answer), answer
    assert tab.page.locator(".ftte-find circle").count() >= 4
    keep(tab, "find")
    before, there = number(tab), tab.page.locator(".ftte-find button", has_text="Go to")
    assert there.is_visible() == ("Nothing" not in answer)
    there.focus()
    tab.page.keyboard.press("Enter")
    tab.until("n => Number(document.querySelector('.ftte-stage').dataset.number) > n", before)
    assert tab.errors() == []


def test_a_sweep_fills_and_its_cells_open_a_lab(tab: Tab, server: Server) -> None:
    opened(tab, server, "sweep.ipynb")
    tab.page.locator(".ftte-knob-buffer label").first.click()  # the name of a knob
    tab.page.wait_for_selector(".ftte-drawer-sweep:not([hidden])")
    form = tab.page.locator(".ftte-sweep")
    assert form.get_by_label("knob to sweep").input_value() == "buffer"
    form.get_by_label("values of the knob").select_option("3")
    form.get_by_label("number of seeds").select_option("2")
    form.get_by_label("target accuracy in percent").fill("40")
    form.locator("button", has_text="Sweep").focus()
    tab.page.keyboard.press("Enter")
    tab.until("() => document.querySelector('.ftte-sweep').dataset.phase === 'done'", None, 90)
    assert form.locator(".ftte-plot-column").count() == 3
    keep(tab, "sweep_curves")
    with tab.page.expect_download() as saved:
        form.get_by_role("button", name="Save PNG").click()
    assert saved.value.suggested_filename == "ftte_sweep.png"
    assert Path(saved.value.path()).read_bytes().startswith(b"\x89PNG")
    before, text = number(tab), code(tab)
    form.locator(".ftte-plot-column").first.focus()
    tab.page.keyboard.press("Enter")
    tab.until("n => Number(document.querySelector('.ftte-stage').dataset.number) > n", before)
    tab.phase("done")
    assert code(tab) != text
    assert tab.errors() == []


def test_a_heat_map_is_walked_by_arrow_keys(tab: Tab, server: Server) -> None:
    opened(tab, server, "heat.ipynb")
    drawer(tab, "sweep")
    form = tab.page.locator(".ftte-sweep")
    form.get_by_label("knob to sweep").select_option("budget_kib")
    form.get_by_label("second knob", exact=True).select_option("buffer")
    for label in ("values of the knob", "values of the second knob"):
        form.get_by_label(label, exact=True).select_option("3")
    form.get_by_label("number of seeds").select_option("1")
    form.get_by_label("target accuracy in percent").fill("22")
    form.locator("button", has_text="Sweep").click()
    tab.until("() => document.querySelector('.ftte-sweep').dataset.phase === 'done'", None, 90)
    cells = form.locator(".ftte-sweep-cell")
    assert cells.count() == 9
    keep(tab, "sweep_heat")
    cells.first.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft"):
        tab.page.keyboard.press(key)
    focused = "() => document.activeElement.dataset.cell"
    assert tab.page.evaluate(focused) == "6"
    before = number(tab)
    tab.page.keyboard.press("Enter")
    tab.until("n => Number(document.querySelector('.ftte-stage').dataset.number) > n", before)
    tab.phase("done")
    tab.until("() => document.querySelector('.ftte-sweep-here')?.dataset.cell === '6'")
    assert tab.errors() == []
