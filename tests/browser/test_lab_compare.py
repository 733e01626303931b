"""Compare, Story, Own data, Share and the kiosk, in a real browser."""

import json
from pathlib import Path
from typing import Any

import pytest

from ftte_lab.lab.tools.model_file import load_model
from tests.browser.driver import Server, Tab, browse
from tests.browser.test_lab_in_browser import MEDIUM, keep, lab_cell
from tests.data.test_own_data import as_csv

pytestmark = pytest.mark.slow

SHORT = MEDIUM.replace(horizon_s=100.0, evaluations=20)
COPIED = "() => navigator.clipboard.readText()"
STORY = {
    "format": "ftte_lab story 1",
    "title": "Two buffers",
    "steps": [
        {
            "text": "The server waits for six updates before it makes a step.",
            "question": "How often does it make one?",
            "settings": {
                "preset": "lab",
                "methods": ["ftte"],
                "set": SHORT.changes() | {"seed": 1},
            },
            "look": "fleet",
        },
        {
            "text": "Now two updates are enough.",
            "question": "Is that faster?",
            "settings": {
                "preset": "lab",
                "methods": ["ftte"],
                "set": SHORT.changes() | {"buffer": 2},
            },
            "look": "buffer",
        },
        {"text": "Look at the figures.", "look": "scoreboard"},
    ],
}


def opened(tab: Tab, server: Server, name: str, more: str = "") -> None:
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.open(server.write(name, lab_cell(SHORT, more)))
    tab.phase("done")


def pin_twice(tab: Tab) -> None:
    """Keep the first run as A, and one with another K as B."""
    tab.press("pin")
    number = int(tab.stage("number"))
    tab.page.evaluate(RUN_CELL, "lab.set(buffer=3, straggler_share=0.5)")
    tab.until("n => Number(document.querySelector('.ftte-stage').dataset.number) > n", number)
    tab.phase("done")
    tab.press("pin")
    tab.press("compare")
    tab.until("() => document.querySelectorAll('.ftte-compare tbody').length === 2")


RUN_CELL = """code => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  return kernel.requestExecute({code}).done.then(() => null);
}"""


def test_two_pins_are_two_rows_and_go_into_a_paper(tab: Tab, server: Server) -> None:
    opened(tab, server, "compare.ipynb")
    pin_twice(tab)
    rows = tab.page.locator(".ftte-compare tbody")
    assert "the first" in rows.nth(0).inner_text()
    assert "50 %" in rows.nth(1).inner_text()
    tab.page.get_by_label("name of run B").fill("small | buffer")
    tab.page.keyboard.press("Enter")
    tab.until("() => document.querySelector('[data-letter=B]').dataset.called.includes('small')")
    keep(tab, "compare")
    drawer = tab.page.locator(".ftte-drawer-compare")
    drawer.locator("[data-form=markdown]").first.click()
    tab.until("() => document.querySelector('.ftte-drawer-compare [role=status]').textContent")
    text = tab.page.evaluate(COPIED)
    lines = text.splitlines()
    methods = len(SHORT_METHODS)
    assert len(lines) == 2 + 2 * methods
    assert lines[2].startswith("| A |")
    assert lines[-1].startswith(r"| B: small \| buffer |")
    with tab.page.expect_download() as saved:
        drawer.locator("[data-form=latex]").last.click()
    tex = Path(saved.value.path()).read_text()
    assert saved.value.suggested_filename == "ftte-compare.tex"
    assert tex.count(r"\textbar{}") == methods
    number = int(tab.stage("number"))
    tab.page.get_by_label("Set the Lab to run A").click()
    tab.until("n => Number(document.querySelector('.ftte-stage').dataset.number) > n", number)
    tab.phase("done")
    tab.page.get_by_label("Drop run A").click()
    tab.until("() => document.querySelectorAll('.ftte-compare tbody').length === 1")
    assert tab.errors() == []


SHORT_METHODS = ("fedavg", "fedbuff", "ftte")


def test_story_is_stepped_by_mouse_and_keyboard(tab: Tab, server: Server) -> None:
    opened(tab, server, "story.ipynb")
    tab.press("story")
    file = {"name": "two.json", "mimeType": "application/json"}
    tab.page.get_by_label("story file to open").set_input_files(
        [{**file, "buffer": json.dumps(STORY).encode()}]
    )
    tab.until(
        "() => document.querySelector('.ftte-story-text').textContent.includes('six updates')"
    )
    looked = tab.page.locator(".ftte-story-look")
    assert looked.count() == 1
    tab.phase("done")
    keep(tab, "story")
    tab.page.get_by_role("button", name="Next", exact=True).click()
    tab.until(
        "() => document.querySelector('.ftte-story-text').textContent.includes('two updates')"
    )
    tab.until("() => document.querySelector('.ftte-knob-buffer.ftte-story-look')")
    tab.phase("done")
    assert tab.page.locator(".ftte-scores tbody tr").count() == 1
    tab.page.keyboard.press("PageDown")
    tab.until("() => document.querySelector('.ftte-board.ftte-story-look')")
    assert tab.page.get_by_role("button", name="Next", exact=True).is_disabled()
    tab.page.keyboard.press("PageUp")
    tab.until("() => document.querySelector('.ftte-knob-buffer.ftte-story-look')")
    tab.page.get_by_role("button", name="End the story").click()
    tab.until("() => !document.querySelector('.ftte-story-look')")
    tab.page.get_by_role("button", name="FTTE in 60 minutes").click()
    tab.until("() => document.querySelector('.ftte-story-text').textContent.includes('hundred')")
    tab.press("stop")
    keep(tab, "lecture")
    assert tab.errors() == []


def test_own_file_is_checked_in_words_and_runs(tab: Tab, server: Server, tmp_path: Path) -> None:
    opened(tab, server, "own.ipynb")
    tab.press("data")
    path = tmp_path / "cups.csv"
    path.write_bytes(as_csv().replace(b"label", b"class").replace(b"Label", b"class"))
    chosen = tab.page.get_by_label("CSV or NPZ file with your own data")
    chosen.set_input_files(path)
    error = tab.page.locator(".ftte-drawer-data .ftte-error")
    error.get_by_text("No column is named 'label'").wait_for()
    keep(tab, "own_data_refused")
    path.write_bytes(as_csv())
    chosen.set_input_files(path)
    tab.page.locator(".ftte-data-about", has_text="12 people, 3 classes").wait_for()
    assert not error.is_visible()
    number = int(tab.stage("number"))
    tab.page.get_by_role("button", name="Run with these data").click()
    tab.until("n => Number(document.querySelector('.ftte-stage').dataset.number) > n", number)
    tab.phase("done")
    assert tab.page.locator(".ftte-scores tbody tr").count() == len(SHORT_METHODS)
    keep(tab, "own_data")
    assert tab.errors() == []


def test_share_copies_a_script_and_save_gives_the_model(
    tab: Tab, server: Server, tmp_path: Path
) -> None:
    opened(tab, server, "script.ipynb")
    tab.press("share")
    tab.page.get_by_role("button", name="Copy as Python").click()
    tab.page.get_by_role("button", name="Copied").wait_for()
    script = tab.page.evaluate(COPIED)
    compile(script, "script.py", "exec")
    assert f"buffer={SHORT.buffer}," in script
    tab.press("save")
    tab.page.get_by_label("method whose trained model is saved").select_option("ftte")
    with tab.page.expect_download() as saved:
        tab.page.get_by_role("button", name="Trained model").click()
    path = tmp_path / saved.value.suggested_filename
    saved.value.save_as(path)
    trained = load_model(path)
    assert float(trained.about["accuracy"]) == trained.accuracy()
    assert trained.scenario.buffer == SHORT.buffer


def test_kiosk_begins_again_when_nobody_touches_it(server: Server, tmp_path: Path) -> None:
    with browse(server, tmp_path / "profile", 1440, 900) as tab:
        opened(tab, server, "kiosk.ipynb", "kiosk=3")
        page: Any = tab.page
        assert page.locator(".ftte-kiosk").count() == 1
        knobs = page.locator(".ftte-knob-budget_kib, .ftte-knob-buffer, .ftte-knob-mix")
        assert knobs.count() == 3
        assert page.locator(".ftte-knob-concurrency").count() == 0
        for hidden in ("share", "save", "data", "compare"):
            assert not page.locator(f".ftte-toolbar [data-action={hidden}]").is_visible()
        keep(tab, "kiosk")
        tab.page.wait_for_timeout(4000)
        assert tab.stage("begun") == ""  # nobody has used it
        before = tab.sentence()
        slider = page.locator(".ftte-knob-buffer .noUi-handle")
        slider.focus()
        page.keyboard.press("Home")
        tab.until("s => document.querySelector('.ftte-sentence').innerText !== s", before)
        page.locator(".ftte-kiosk-note").wait_for()
        tab.until("() => document.querySelector('.ftte-stage').dataset.begun === '1'")
        tab.until("s => document.querySelector('.ftte-sentence').innerText === s", before)
        assert tab.problems == []
        assert tab.outside == []
