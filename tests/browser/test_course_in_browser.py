"""A student works through a page: predicts, fails, gets hints, passes; and moves every slider."""

import json
import re
from typing import Any

import nbformat
import pytest

from ftte_lab.course.exercises import EXERCISES
from ftte_lab.course.progress import GUESS
from notebooks._build import course
from tests.browser.driver import Server, Tab

_SOURCE = """([id, text]) => {
  const cell = window.jupyterapp.shell.currentWidget.content.widgets.find(c => c.model.id === id);
  cell.model.sharedModel.setSource(text);
  return null;
}"""
_RUN = """id => {
  const panel = window.jupyterapp.shell.currentWidget;
  panel.content.activeCellIndex = panel.content.widgets.findIndex(c => c.model.id === id);
  window.jupyterapp.commands.execute('notebook:run-cell');
  return null;
}"""
_TEXT = """id => {
  const cell = window.jupyterapp.shell.currentWidget.content.widgets.find(c => c.model.id === id);
  return JSON.stringify(cell.model.outputs.toJSON());
}"""
_CONTAINS = "([id, text]) => (%s)(id).includes(text)" % _TEXT  # noqa: UP031  # braces of another language
_VALUES = """() => [...document.querySelectorAll(".ftte-controls .noUi-handle")].map(
    h => h.getAttribute("aria-valuenow"))"""
_ALL_RAN = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .every(c => c.model.type !== 'code' || c.model.executionCount !== null)"""


def page(server: Server, name: str) -> Any:
    """A copy of a notebook, small, in a folder of its own so that its progress is its own."""
    notebook = nbformat.read(next(course.HERE.glob(f"{name}*.ipynb")), as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace('size = "lab"', 'size = "ci"')
    folder = server.folder / f"of_{name}"
    folder.mkdir()
    nbformat.write(notebook, folder / f"{name}.ipynb")
    return notebook


def cell_with(notebook: Any, text: str) -> str:
    return str(next(c.id for c in notebook.cells if c.cell_type == "code" and text in c.source))


def test_exercise_gives_hints_then_passes(server: Server, tab: Tab) -> None:
    notebook = page(server, "05")
    tab.open("of_05/05.ipynb")
    tab.until(_ALL_RAN, None, 90)
    assert tab.errors() == []
    asked, revealed = cell_with(notebook, "predict("), cell_with(notebook, "reveal(")
    checked = cell_with(notebook, 'check("05a"')
    assert "You recorded no prediction" in tab.page.evaluate(_TEXT, revealed)
    assert "not yet; replace" in tab.page.evaluate(_TEXT, checked)
    box = tab.page.get_by_label("hardly longer")
    box.scroll_into_view_if_needed()
    box.check()
    tab.until("() => document.body.innerText.includes('recorded: hardly longer')")
    tab.page.evaluate(_RUN, revealed)
    tab.until(_CONTAINS, [revealed, "Your prediction: hardly longer. Measured"])
    wrong = "def round_seconds(download_s, compute_s, upload_s):\n    return max(compute_s)"
    right = course.answered((course.SOLUTIONS / "05a.py").read_text())
    for source, text in (
        (wrong, "a hint comes with the next attempt"),
        (wrong, f"Hint 1 of {len(EXERCISES['05a'].hints)}"),
        (right, "05a how long"),
    ):
        tab.page.evaluate(_SOURCE, ["exercise-05a", source])
        tab.page.evaluate(_RUN, "exercise-05a")
        tab.page.evaluate(_RUN, checked)
        tab.until(_CONTAINS, [checked, text])
    tab.until(_CONTAINS, [checked, "passed. One slow device"])
    kept = json.loads((server.folder / "of_05" / "progress" / "05.json").read_text())
    assert kept["exercises"]["05a"] == {"attempts": 3, "passed": True}
    assert kept["predictions"]["05"][GUESS] == "hardly longer"
    tab.page.evaluate(_RUN, asked)  # asked again, the answer is still there
    tab.until("() => document.querySelector('input[type=radio]:checked') !== null")


@pytest.mark.parametrize("name", ["playground"])
def test_every_slider_reaches_both_ends_by_keyboard(server: Server, tab: Tab, name: str) -> None:
    page(server, name)
    tab.open(f"of_{name}/{name}.ipynb", run=False)
    tab.page.evaluate(
        "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); return null; }"
    )
    tab.page.wait_for_selector(".ftte-stage", timeout=60_000)
    tab.phase("done", 60)
    for title in tab.page.locator(".ftte-group-title[aria-expanded=false]").all()[::-1]:
        title.click()
    handles = tab.page.locator(".ftte-controls .noUi-handle")
    count = handles.count()
    assert count >= 15
    at_rest = tab.page.evaluate(_VALUES)
    for k in range(count):
        handle = handles.nth(k)
        handle.scroll_into_view_if_needed()
        handle.focus()
        for key, end in (("Home", "aria-valuemin"), ("End", "aria-valuemax")):
            tab.page.keyboard.press(key)
            now, wanted = (
                float(handle.get_attribute(name) or "nan") for name in ("aria-valuenow", end)
            )
            assert now == pytest.approx(wanted, abs=0.51), handle.evaluate(
                "h => h.closest('.widget-slider').innerText"
            )
        tab.press("reset")
        # The kernel answers later. Until then it may still set the next slider back.
        tab.page.wait_for_function(f"v => String(({_VALUES})()) === String(v)", arg=at_rest)
    tab.page.wait_for_timeout(500)
    assert tab.errors() == []
    assert re.fullmatch(r"running|done|stopped", tab.stage("phase"))
