"""A real JupyterLab in a real Chromium: mouse and keyboard work, and nothing leaves the machine."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from ftte_lab import charts
from ftte_lab.experiments import Comparison
from ftte_lab.lab import Settings
from ftte_lab.lab.lab import Lab
from ftte_lab.simulation import prepare
from tests.browser.driver import Server, Tab, browse, serve
from tests.tiny import TINY

pytestmark = pytest.mark.slow

MEDIUM = TINY.replace(clients=40, concurrency=12, buffer=6, horizon_s=400.0, evaluations=60)
LONG = MEDIUM.replace(horizon_s=40_000.0)
OPEN = """from ftte_lab import Scenario
from ftte_lab.lab import Lab
lab = Lab(Scenario.from_json({text!r}), {more})
lab"""
PLAYGROUND = Path(__file__).parents[2] / "notebooks" / "playground.ipynb"


def lab_cell(scenario: Any, more: str = "") -> str:
    return OPEN.format(text=scenario.to_json(), more=more)


def frames(tab: Tab, panel: str = "curves") -> int:
    return int(
        tab.page.locator(f"[data-panel={panel}][data-frames]").first.get_attribute("data-frames")
    )


def drawn(tab: Tab, panel: str = "curves") -> str:
    return str(tab.page.locator(f"[data-panel={panel}] svg").first.inner_html())


def theme(tab: Tab, name: str) -> None:
    tab.page.evaluate(
        """t => window.jupyterapp.commands
          .execute('apputils:change-theme', {theme: t}).then(() => null)""",
        name,
    )
    tab.page.wait_for_timeout(1500)  # JupyterLab covers the page meanwhile


def keep(tab: Tab, name: str) -> None:
    """Save a picture to check by eye: `FTTE_PICTURES=folder make test-slow`."""
    if folder := os.environ.get("FTTE_PICTURES"):
        tab.page.screenshot(path=str(Path(folder) / f"{name}.png"))


def test_slider_updates_sentence_and_curves(tab: Tab, server: Server) -> None:
    tab.open(server.write("slide.ipynb", lab_cell(MEDIUM)))
    tab.phase("done")
    before, picture, number = tab.sentence(), drawn(tab), int(tab.stage("number"))
    tab.drag("buffer capacity K", 0.9)
    tab.until("s => document.querySelector('.ftte-sentence').innerText !== s", before)
    assert "after every 45 updates" in tab.sentence() or "after every 46 updates" in tab.sentence()
    tab.phase("done")
    assert (
        int(tab.stage("number")) == number + 1
    )  # a drag is one run, however many places it passed
    assert drawn(tab) != picture
    tab.slider("buffer capacity K").focus()
    tab.page.keyboard.press("ArrowLeft")
    tab.until("n => Number(document.querySelector('.ftte-stage').dataset.number) > n", number + 1)
    tab.phase("done")
    assert re.search(r"after every 4[45] updates", tab.sentence())
    assert tab.errors() == []
    keep(tab, "slider")


def test_lab_replaces_stops_and_steps_a_run(tab: Tab, server: Server) -> None:
    patient = "from ftte_lab.lab import board\nboard._MANY_UPDATES = 10**9"
    tab.open(server.write("stop.ipynb", patient, lab_cell(LONG)))
    tab.until("() => Number(document.querySelector('.ftte-stage').dataset.progress) > 0")
    number = int(tab.stage("number"))
    tab.drag("concurrency", 0.2)
    tab.until("n => Number(document.querySelector('.ftte-stage').dataset.number) > n", number)
    tab.until("() => Number(document.querySelector('.ftte-stage').dataset.progress) > 0")
    tab.press("stop")
    tab.phase("stopped")
    held, shown = tab.stage("progress"), frames(tab)
    tab.page.wait_for_timeout(500)
    assert tab.stage("progress") == held
    tab.press("step")
    tab.until("p => document.querySelector('.ftte-stage').dataset.progress !== p", held)
    tab.phase("stopped")
    assert "versions old" in tab.page.locator(".ftte-progress .ftte-note").inner_text()
    tab.press("run")
    tab.phase("running")
    tab.until(
        """n => Number(
          document.querySelector('[data-panel=curves][data-frames]').dataset.frames) > n""",
        shown + 3,
    )
    tab.press("stop")
    tab.phase("stopped")


def test_buttons_work_while_a_later_cell_waits(tab: Tab, server: Server) -> None:
    tab.open(server.write("wait.ipynb", lab_cell(LONG), "lab.result()"))
    tab.until("() => Number(document.querySelector('.ftte-stage').dataset.progress) > 0")
    tab.press("stop")
    tab.phase("stopped")
    tab.until(
        """() => window.jupyterapp.shell.currentWidget.content.widgets
          .some(c => c.model.type === 'code'
            && c.model.outputs.toJSON().some(o => o.output_type === 'error'))"""
    )
    assert ["was stopped before its end" in error for error in tab.errors()] == [True]


def test_toolbar_pins_shares_restores_saves_and_resets(tab: Tab, server: Server) -> None:
    tab.open(server.write("share.ipynb", lab_cell(MEDIUM)))
    tab.phase("done")
    first = tab.sentence()
    tab.press("pin")
    tab.drag("buffer capacity K", 0.5)
    tab.until("() => /^A .* 6 Unpin$/.test(document.querySelector('.ftte-pins').innerText.trim())")
    tab.phase("done")
    texts = tab.page.locator("figure[data-panel=curves] svg text").all_text_contents()
    assert any(text.startswith("A") for text in texts), texts  # a pinned line carries its letter
    keep(tab, "pinned")
    tab.press("share")
    code = tab.page.get_by_label("code of these settings").input_value()
    assert Settings.restore(code).scenario.buffer in range(20, 31)
    theirs = Settings(Comparison(MEDIUM.replace(seed=3, buffer=2), ("fedavg", "ftte")))
    tab.page.get_by_label("code to restore").fill(theirs.code())
    tab.page.get_by_role("button", name="Restore", exact=True).click()
    tab.until(
        """() => document.querySelector('.ftte-sentence').innerText
          .includes('FTTE steps after every 2 updates')"""
    )
    tab.phase("done")
    assert "FedBuff steps" not in tab.sentence()
    assert tab.page.locator("input[type=number]").first.input_value() == "3"
    assert tab.page.get_by_label("code of these settings").input_value() == theirs.code()
    tab.page.get_by_label("code to restore").fill(code[:-4])
    tab.page.get_by_role("button", name="Restore", exact=True).click()
    tab.until(
        """() => document.querySelector('.ftte-head > .ftte-error').innerText
          .includes('cut off or mistyped')"""
    )
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name="Save file").click()
    assert Settings.restore(Path(download.value.path()).read_text()) == theirs
    tab.press("save")
    for name, begins in (
        ("PNG", b"\x89PNG"),
        ("SVG", b"<svg"),
        ("All points as CSV", b"# FTTE Lab"),
    ):
        with tab.page.expect_download() as download:
            tab.page.get_by_role("button", name=name, exact=True).click()
        assert Path(download.value.path()).read_bytes().startswith(begins)
    tab.press("reset")
    tab.until("s => document.querySelector('.ftte-sentence').innerText === s", first)
    tab.phase("done")


def test_page_shows_the_numbers_of_a_batch_run(tab: Tab, server: Server) -> None:
    tab.open(server.write("same.ipynb", lab_cell(MEDIUM), "print(lab.table().to_json())"))
    tab.phase("done")
    tab.until(
        "() => window.jupyterapp.shell.currentWidget.content.widgets[1].model.outputs.length > 0"
    )
    [text] = tab.page.evaluate(
        """() => window.jupyterapp.shell.currentWidget.content.widgets[1]
          .model.outputs.toJSON().map(o => o.text)"""
    )
    assert json.loads(text) == json.loads(Lab(MEDIUM, mode="batch").table().to_json())


def test_reloaded_page_shows_everything_again(tab: Tab, server: Server) -> None:
    name = server.write("reload.ipynb", lab_cell(MEDIUM))
    tab.open(name)
    tab.phase("done")
    sentence, picture = tab.sentence(), drawn(tab)
    tab.page.evaluate(
        "() => window.jupyterapp.commands.execute('docmanager:save').then(() => null)"
    )
    tab.page.reload()
    tab.page.wait_for_selector(".ftte-stage", timeout=60_000)
    tab.phase("done")
    tab.page.wait_for_selector("[data-panel=curves] svg")
    assert tab.sentence() == sentence
    assert len(drawn(tab)) == pytest.approx(len(picture), rel=0.2)
    tab.drag("buffer capacity K", 0.9)
    tab.until("s => document.querySelector('.ftte-sentence').innerText !== s", sentence)
    tab.phase("done")


def test_personal_gain_comes_after_the_run(tab: Tab, server: Server) -> None:
    tab.open(server.write("personal.ipynb", lab_cell(MEDIUM.replace(alpha=0.1))))
    tab.phase("done")
    tab.show_chart("personal")
    tab.page.wait_for_selector("figure[data-panel=personal] svg")
    tab.until(
        """() => document.querySelector('figure[data-panel=personal] svg').textContent
          .match(/helped/g)?.length === 3"""
    )
    keep(tab, "personal")
    tab.until(
        """() => document.querySelector('figure[data-panel=personal] .ftte-words').textContent
          .includes('for the worst tenth')"""
    )
    tab.drag("buffer capacity K", 0.9)
    tab.until(
        """() => document.querySelector('figure[data-panel=personal] svg').textContent
          .includes('after the run')"""
    )


def test_charts_fit_a_dark_and_a_narrow_page(tab: Tab, server: Server) -> None:
    tab.open(server.write("dark.ipynb", lab_cell(MEDIUM)))
    tab.phase("done")
    for panel in ("subset", "bytes", "gantt", "staleness", "weights"):
        tab.show_chart(panel)
        tab.page.wait_for_selector(f"[data-panel={panel}] svg")
    theme(tab, "JupyterLab Dark")
    tab.until("() => document.querySelector('.ftte-stage').dataset.theme === 'dark'")
    tab.until(
        """() => document.querySelector('figure[data-panel=curves] svg').innerHTML
          .toLowerCase().includes('#e4e4e4')"""
    )
    tab.page.wait_for_timeout(600)
    for svg in tab.page.locator(".ftte-stage svg.marks").all():
        assert svg.bounding_box()["width"] > 300
    keep(tab, "dark")
    tab.page.set_viewport_size({"width": 520, "height": 1000})  # leaves the cell about 400 pixels
    tab.until("() => document.querySelector('.ftte-lab').getBoundingClientRect().width < 430")
    tab.page.wait_for_timeout(600)
    stage = tab.page.locator(".ftte-lab").bounding_box()
    for panel in tab.page.locator(".ftte-stage svg.marks, .ftte-stage canvas.ftte-canvas").all():
        box = panel.bounding_box()
        assert box["x"] + box["width"] <= stage["x"] + stage["width"] + 2
        assert box["width"] > 250
    keep(tab, "narrow")
    theme(tab, "JupyterLab Light")
    tab.until("() => document.querySelector('.ftte-stage').dataset.theme === 'light'")


def test_fleet_plays_and_describes_itself_as_python_does(tab: Tab, server: Server) -> None:
    tab.open(server.write("fleet.ipynb", lab_cell(MEDIUM)))
    tab.phase("done")
    tab.until(
        "() => Number(document.querySelector('.ftte-fleet').dataset.t) > 0.5"
    )  # it plays by itself
    prepared = {name: prepare(s) for name, s in Comparison(MEDIUM).runs().items()}
    words = tab.page.locator(".ftte-fleet .ftte-words")
    for t in (0.0, 7.3, 55.0, 180.5, 399.0):
        tab.page.evaluate(
            """t => { const s = document.querySelector('.ftte-scrub'); s.value = t;
                      s.dispatchEvent(new Event('input')); }""",
            t,
        )
        tab.until(
            "t => Math.abs(Number(document.querySelector('.ftte-fleet').dataset.t) - t) < 0.01", t
        )
        assert words.text_content() == charts.fleet(prepared, t).alt_text
    assert tab.page.locator(".ftte-fleet").get_attribute("data-playing") == "false"
    tab.page.locator(".ftte-scrub").evaluate(
        "s => { s.value = 0; s.dispatchEvent(new Event('input')); }"
    )
    tab.page.get_by_role("button", name="Next server step").click()
    first = min(float(r.timeline.step_s[0]) for r in prepared.values() if len(r.timeline.step_s))
    tab.until(
        "t => Math.abs(Number(document.querySelector('.ftte-fleet').dataset.t) - t) < 0.01", first
    )
    canvas = tab.page.locator(".ftte-canvas")
    canvas.focus()
    tab.page.keyboard.press("ArrowRight")
    tab.page.wait_for_selector(".ftte-tip:not([hidden])")
    tip = tab.page.locator(".ftte-tip").inner_text()
    assert "step needs" in tip
    tab.page.keyboard.press("ArrowRight")
    tab.until("s => document.querySelector('.ftte-tip').innerText !== s", tip)
    keep(tab, "fleet")
    tab.page.get_by_role("button", name="Play", exact=True).click()
    tab.until("t => Number(document.querySelector('.ftte-fleet').dataset.t) > t + 1", first)


def test_fleet_replays_the_beginning_of_a_long_run(tab: Tab, server: Server) -> None:
    cut = (
        "from importlib import import_module\n"
        'import_module("ftte_lab.lab.live.fleet_message").MOST_PARTICIPATIONS = 60'
    )
    tab.open(server.write("cut.ipynb", cut, lab_cell(MEDIUM)))
    tab.phase("done")
    prepared = {name: prepare(s) for name, s in Comparison(MEDIUM).runs().items()}
    end = min(float(r.timeline.start_s[60]) for r in prepared.values() if len(r.timeline) > 60)
    assert float(tab.page.locator(".ftte-scrub").get_attribute("max") or 0) == pytest.approx(end)
    tab.page.evaluate(
        """() => { const s = document.querySelector('.ftte-scrub'); s.value = s.max;
                 s.dispatchEvent(new Event('input')); }"""
    )
    tab.until(
        "t => Math.abs(Number(document.querySelector('.ftte-fleet').dataset.t) - t) < 0.01", end
    )


def test_error_appears_as_text_and_charts_stay(tab: Tab, server: Server) -> None:
    tab.open(
        server.write(
            "error.ipynb",
            lab_cell(MEDIUM.replace(data="motion", model="mcunet-s", budget_kib=None)),
        )
    )
    tab.phase("done")
    tab.slider("memory budget").focus()
    tab.page.keyboard.press("Home")
    tab.phase("failed")
    alert = tab.page.locator(".ftte-head > .ftte-error")
    assert alert.get_attribute("role") == "alert"
    assert "its floor is" in alert.inner_text()
    assert tab.page.locator("[data-panel=curves] svg").count() == 1
    keep(tab, "error")
    tab.page.keyboard.press("End")
    tab.phase("done")
    assert not alert.is_visible()


_HIDDEN_BUT_SEEN = """() => [...document.querySelectorAll('.ftte-stage [hidden]')]
  .filter(e => e.getClientRects().length).map(e => e.className)"""


def test_keyboard_reaches_every_control_by_name(tab: Tab, server: Server) -> None:
    tab.open(server.write("keys.ipynb", lab_cell(MEDIUM)))
    tab.phase("done")
    assert tab.page.get_by_role("button", name="One step").is_disabled()  # the run is complete
    assert tab.page.evaluate(_HIDDEN_BUT_SEEN) == []
    tab.page.locator("button.ftte-group-title").last.focus()
    reached = set()
    for _ in range(80):
        tab.page.keyboard.press("Tab")
        if tab.page.evaluate("() => document.activeElement.matches('.ftte-which')"):
            tab.page.keyboard.press("Enter")  # the boxes of the charts are behind this button
        reached.add(
            tab.page.evaluate(
                """() => { const e = document.activeElement;
                  const own = e.getAttribute('aria-label') || e.textContent || '';
                  const text = own || e.closest('label')?.textContent;
                  return e.closest('.ftte-stage') ? `${e.tagName} ${text}`.trim() : ''; }"""
            )
        )
    text = "\n".join(reached)
    for name in (
        "Reset",
        "Pin",
        "Share",
        "Save",
        "Pause",
        "Next server step",
        "speed of the replay",
        "Gantt",
    ):
        assert name in text, text
    assert "The fleet. Arrow keys" in text
    for name in (
        "memory budget, KiB",
        "buffer capacity K",
        "sensor",
        "label skew α",
        "data set",
        "seed",
    ):
        assert tab.page.locator(f".ftte-controls [aria-label='{name}']").count() == 1, name
    for chart in tab.page.locator(".ftte-chart:visible").all():
        assert len(chart.get_attribute("aria-label")) > 30


def test_notebook_7_shows_the_lab(server: Server, tmp_path: Path) -> None:
    with serve(tmp_path / "seven", "notebook") as seven, browse(seven, tmp_path / "profile") as tab:
        tab.open(seven.write("empty.ipynb", "1"), "notebooks", run=False)
        tab.page.wait_for_timeout(3000)
        its_own = set(tab.problems)  # problems of Notebook itself
        tab.open(seven.write("seven.ipynb", lab_cell(MEDIUM, "show=['buffer']")), "notebooks")
        tab.phase("done")
        tab.page.wait_for_selector("[data-panel=curves] svg")
        sentence = tab.sentence()
        tab.drag("buffer capacity K", 0.9)
        tab.until("s => document.querySelector('.ftte-sentence').innerText !== s", sentence)
        tab.phase("done")
        assert tab.page.locator(".widget-slider").count() == 1
        keep(tab, "notebook7")
        assert tab.outside == []
        assert set(tab.problems) <= its_own


def test_playground_opens_and_runs(server: Server, tmp_path: Path) -> None:
    (server.folder / "playground.ipynb").write_bytes(PLAYGROUND.read_bytes())
    with browse(server, tmp_path / "profile", 1400, 1250) as tab:
        tab.open("playground.ipynb")
        tab.until(
            "() => Number(document.querySelector('.ftte-stage').dataset.progress) > 0.25", None, 90
        )
        keep(tab, "playground_running")
        tab.phase("done", 120)
        tab.page.wait_for_timeout(300)
        keep(tab, "playground_done")
        assert tab.errors() == []
        assert "FTTE trains 25 % of the parameters" in tab.sentence()
        assert "Jupyter news" not in tab.page.content()  # nothing asks in front of the page
        assert tab.outside == []
        assert tab.problems == []
