"""What once was wrong with the Lab, in a real JupyterLab: each fault, wherever it can be."""

import re
import urllib.request
from pathlib import Path
from typing import Any

import nbformat
import pytest

from ftte_lab.charts import FLEET_SIGNS, fleet
from ftte_lab.experiments import Comparison
from ftte_lab.lab import Settings
from ftte_lab.simulation import prepare
from tests.browser.driver import TOKEN, Server, Tab, browse
from tests.browser.test_lab_in_browser import LONG, MEDIUM, keep, lab_cell, theme

pytestmark = pytest.mark.slow

RUNNING = "() => Number(document.querySelector('.ftte-stage').dataset.progress) > 0"
CELLS = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .map(c => c.model.sharedModel.getSource())"""
ACTIVE = "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
EXECUTED = "() => window.jupyterapp.shell.currentWidget.content.widgets[0].model.executionCount"


def command(tab: Tab, name: str, **arguments: Any) -> None:
    tab.page.evaluate(
        "([n, a]) => window.jupyterapp.commands.execute(n, a).then(() => null)", [name, arguments]
    )


def kernel(tab: Tab, action: str) -> None:
    """Kill, restart or shut down the notebook's kernel."""
    tab.page.evaluate(
        f"() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.{action}()"
        ".then(() => null)"
    )


def open_groups(tab: Tab) -> None:
    tab.page.evaluate(
        """() => document.querySelectorAll('button.ftte-group-title[aria-expanded=false]')
          .forEach(title => title.click())"""
    )


def printed(tab: Tab, cell: int) -> str:
    return str(
        tab.page.evaluate(
            """k => window.jupyterapp.shell.currentWidget.content.widgets[k].model.outputs
              .toJSON().map(o => o.text || '').join('')""",
            cell,
        )
    )


def widths(tab: Tab) -> list[tuple[str, float, float]]:
    """Name, drawn width and box of each chart on the page."""
    return [
        (name, svg, box)
        for name, svg, box in tab.page.evaluate(
            """() => [...document.querySelectorAll('.ftte-panel:not([hidden]) .ftte-chart')]
              .map(box => [box.parentElement.dataset.panel,
                box.querySelector('.ftte-vega:not(.ftte-coming) svg')
                  ?.getBoundingClientRect().width ?? 0, box.clientWidth])"""
        )
    ]


FIT = """() => [...document.querySelectorAll('.ftte-panel:not([hidden]) .ftte-chart')]
  .every(box => { const svg = box.querySelector('.ftte-vega:not(.ftte-coming) svg');
    return svg && Math.abs(svg.getBoundingClientRect().width - box.clientWidth) <= 5; })"""


def test_keys_stay_in_the_lab(tab: Tab, server: Server) -> None:
    tab.open(server.write("keys.ipynb", lab_cell(MEDIUM), "'below'"))
    tab.phase("done")
    cells, executed = tab.page.evaluate(CELLS), tab.page.evaluate(EXECUTED)
    open_groups(tab)
    tab.press("save")
    tab.page.locator(".ftte-which").click()
    tab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0 }")
    for control in (
        ".ftte-views select",
        ".ftte-views input[type=checkbox]",
        ".ftte-toolbar [data-action=pin]",
        ".ftte-scrub",
        ".ftte-canvas",
        ".ftte-target",
        ".ftte-drawer-save select",
        ".ftte-drawer-save button",
        ".ftte-panel:not([hidden]) summary",
        ".ftte-controls .noUi-handle",
        ".ftte-controls .widget-readout[contenteditable=true]",
        ".ftte-controls select",
        ".ftte-controls input[type=number]",
        ".ftte-controls input[type=checkbox]",
        ".ftte-remove",
        "button.ftte-group-title",
    ):
        place = tab.page.locator(control).first
        place.evaluate("e => { e.scrollIntoView({block: 'center'}); e.focus(); }")
        assert place.evaluate("e => e === document.activeElement"), control
        for key in ("x", "d", "d", "a", "b", "Shift+Enter", "Control+Enter", "Escape"):
            if not (key == "Escape" and "drawer" in control):
                tab.page.keyboard.press(key)
        assert tab.page.evaluate(CELLS) == cells, control
        assert tab.page.evaluate(ACTIVE) == 0, control
        assert tab.page.evaluate(EXECUTED) == executed, control
    select = tab.page.locator("[data-view=over]")
    before = select.input_value()
    select.focus()
    tab.page.keyboard.press("ArrowDown")
    assert select.evaluate("e => e === document.activeElement")
    assert select.input_value() != before
    tab.page.evaluate(
        """() => { window.saves = 0; window.jupyterapp.shell.currentWidget.context.saveState
          .connect((_, state) => { if (state === 'completed') window.saves += 1; }) }"""
    )
    tab.page.keyboard.press("Control+s")
    tab.until("() => window.saves > 0")  # chords still are JupyterLab's
    tab.page.locator(".ftte-drawer-save select").first.focus()
    tab.page.keyboard.press("Escape")
    assert not tab.page.locator(".ftte-drawer-save").is_visible()
    assert tab.page.locator("[data-action=save]").evaluate("e => e === document.activeElement")


@pytest.mark.parametrize("scenario", [MEDIUM, LONG], ids=["idle", "running"])
def test_charts_keep_their_width_through_a_theme_and_a_hidden_page(
    tab: Tab, server: Server, scenario: Any
) -> None:
    tab.open(server.write("theme.ipynb", lab_cell(scenario)), run=True)
    tab.phase("done" if scenario is MEDIUM else "running")
    tab.until(RUNNING)
    for panel in ("subset", "weights"):
        tab.show_chart(panel)
    tab.until(FIT)
    for name in ("Dark", "Light", "Dark"):
        theme(tab, f"JupyterLab {name}")
        tab.until(f"() => document.querySelector('.ftte-stage').dataset.theme === '{name.lower()}'")
        tab.page.wait_for_timeout(800)
        for panel, svg, box in widths(tab):
            assert svg == pytest.approx(box, abs=5), (name, panel)
    # A box that is hidden while its chart is made, and while the window changes.
    host = "document.querySelector('.ftte-lab').style"
    tab.page.evaluate(f"() => {{ {host}.setProperty('display', 'none', 'important') }}")
    theme(tab, "JupyterLab Light")
    tab.page.set_viewport_size({"width": 1100, "height": 900})
    tab.page.evaluate(f"() => {{ {host}.removeProperty('display') }}")
    tab.until(FIT)
    tab.press("stop") if scenario is LONG else None


@pytest.mark.parametrize("how", ["kill", "restart", "shutdown"])
def test_a_lab_without_its_kernel_says_so(tab: Tab, server: Server, how: str) -> None:
    tab.open(server.write("dead.ipynb", "import os; print(os.getpid())", lab_cell(LONG)))
    tab.until(RUNNING)
    if how == "kill":
        import os
        import signal

        os.kill(int(printed(tab, 0)), signal.SIGKILL)
    else:
        kernel(tab, how)
    tab.until("() => document.querySelector('.ftte-stage').dataset.gone === 'true'")
    note = tab.page.locator(".ftte-progress .ftte-note")
    assert note.inner_text() == (
        "This Lab has ended, because its kernel has. Run the cell again for a new one."
    )
    assert note.get_attribute("role") == "status"
    assert not tab.page.locator(".ftte-progress progress").is_visible()
    for button in tab.page.locator(".ftte-toolbar button").all():
        assert button.is_disabled()
    assert tab.page.locator(".ftte-controls").evaluate("e => e.inert")
    assert tab.page.locator(".ftte-views").evaluate("e => e.inert")
    assert tab.page.locator("[data-panel=curves] svg").count() == 1  # what was drawn stays
    keep(tab, f"dead-{how}")
    tab.problems = [p for p in tab.problems if "Cannot send" not in p and "WebSocket" not in p]


def test_a_cell_that_runs_again_ends_its_old_lab(tab: Tab, server: Server) -> None:
    count = (
        "import threading, time\ntime.sleep(1)\n"
        "print(sum(t.name == 'ftte-lab' for t in threading.enumerate()))"
    )
    tab.open(server.write("again.ipynb", lab_cell(LONG), count))
    tab.until(RUNNING)
    for _ in range(2):
        tab.page.evaluate(
            "() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0 }"
        )
        command(tab, "notebook:run-cell")
        tab.page.wait_for_timeout(500)
        tab.until(RUNNING)
    tab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1 }")
    command(tab, "notebook:run-cell")
    tab.until(
        """() => window.jupyterapp.shell.currentWidget.content.widgets[1]
          .model.outputs.toJSON().length > 0"""
    )
    assert printed(tab, 1).split() == ["1"]
    assert tab.page.locator(".ftte-stage").count() == 1
    tab.press("stop")


def test_two_views_of_a_lab_stay_in_step(tab: Tab, server: Server) -> None:
    tab.open(server.write("views.ipynb", lab_cell(LONG)), "lab/tree")
    tab.until(RUNNING)
    tab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0 }")
    command(tab, "notebook:create-output-view")
    tab.until("() => document.querySelectorAll('.ftte-stage').length === 2")
    first, second = (tab.page.locator(".ftte-stage").nth(k) for k in (0, 1))
    tab.until("() => document.querySelectorAll('[data-panel=curves] svg.marks').length === 2")
    second.locator(".ftte-which").click()
    second.locator("input[data-panel=memory]").uncheck()
    tab.until("() => !document.querySelector('.ftte-stage input[data-panel=memory]').checked")
    assert not first.locator("figure[data-panel=memory]").is_visible()
    second.locator("[data-view=over]").select_option("updates")
    tab.until("() => document.querySelector('.ftte-stage [data-view=over]').value === 'updates'")
    second.locator("input[data-panel=memory]").check()
    tab.until("() => document.querySelector('.ftte-stage input[data-panel=memory]').checked")
    frames = """() => [...document.querySelectorAll('figure[data-panel=curves]')]
      .map(f => +f.dataset.frames)"""
    before = tab.page.evaluate(frames)
    tab.until(f"b => ({frames})().every((n, k) => n > b[k] + 2)", before)  # both go on
    tab.page.locator(".ftte-toolbar [data-action=stop]").first.click()


def test_a_mistyped_code_leaves_a_valid_page_as_it_is(tab: Tab, server: Server) -> None:
    tab.open(server.write("mistyped.ipynb", lab_cell(MEDIUM)))
    tab.phase("done")
    tab.press("share")
    entry = tab.page.get_by_label("code to restore")
    entry.fill("ftte1-mistyped")
    entry.press("Enter")
    alert = tab.page.locator(".ftte-head > .ftte-error")
    tab.until(
        "() => document.querySelector('.ftte-head > .ftte-error').innerText.includes('mistyped')"
    )
    grey = "() => document.querySelector('.ftte-stage').classList.contains('ftte-faulty')"
    assert not tab.page.evaluate(grey)
    assert tab.stage("phase") == "done"
    tab.page.locator("[data-view=over]").select_option("updates")  # whatever succeeds clears it
    alert.wait_for(state="hidden")


def test_pins_have_letters_and_a_state_and_name_what_differs(tab: Tab, server: Server) -> None:
    tab.open(server.write("pins.ipynb", lab_cell(MEDIUM)))
    tab.phase("done")
    pin, pins = tab.page.locator("[data-action=pin]"), tab.page.locator(".ftte-pins li")
    assert pin.get_attribute("aria-pressed") == "false"
    tab.press("pin")
    tab.until("() => document.querySelector('[data-action=pin]').ariaPressed === 'true'")
    assert pin.inner_text() == "Pinned as A"
    assert pins.all_inner_texts() == ["A this run Unpin"]
    open_groups(tab)
    tab.slider("server rate").focus()
    tab.page.keyboard.press("ArrowRight")
    tab.until("() => document.querySelector('[data-action=pin]').ariaPressed === 'false'")
    tab.phase("done")
    [text] = pins.all_inner_texts()
    assert re.fullmatch(r"A server rate [\d.]+.* Unpin", text), text
    tab.press("pin")  # a second one, beside the first
    tab.until("() => document.querySelectorAll('.ftte-pins li').length === 2")
    assert pin.inner_text() == "Pinned as B"
    tab.page.get_by_role("button", name="Unpin A").click()
    tab.until("() => document.querySelectorAll('.ftte-pins li').length === 1")
    assert pins.all_inner_texts() == ["B this run Unpin"]
    tab.press("pin")
    tab.until("() => !document.querySelectorAll('.ftte-pins li').length")
    assert pin.get_attribute("aria-pressed") == "false"


def test_what_is_done_stays(tab: Tab, server: Server) -> None:
    again = "if lab._runner.phase == 'done':\n    lab.run().step()"
    tab.open(server.write("done.ipynb", lab_cell(MEDIUM), again))
    tab.phase("done")
    for name in ("run", "step"):
        button = tab.page.locator(f"[data-action={name}]")
        assert button.is_disabled()
        assert "This run is complete" in (button.get_attribute("title") or "")
    points = "() => document.querySelector('figure[data-panel=curves]').dataset.points"
    before, number = tab.settled(points), tab.stage("number")  # the last frames are drawn after it
    tab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1 }")
    command(tab, "notebook:run-cell")
    tab.page.wait_for_timeout(1000)
    assert tab.stage("number") == number
    assert tab.stage("phase") == "done"
    assert tab.settled(points) == before != "0"


def test_saved_files_hold_what_the_page_shows(tab: Tab, server: Server) -> None:
    tab.open(server.write("files.ipynb", lab_cell(MEDIUM)))
    tab.phase("done")
    tab.page.evaluate(
        """() => { const s = document.querySelector('.ftte-scrub'); s.value = 55;
                  s.dispatchEvent(new Event('input')); }"""
    )
    tab.until("() => Math.abs(document.querySelector('.ftte-fleet').dataset.t - 55) < 0.01")
    tab.press("save")

    def saved(button: str) -> tuple[str, bytes]:
        with tab.page.expect_download() as download:
            tab.page.get_by_role("button", name=button, exact=True).click()
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()

    which = tab.page.get_by_label("chart to save")
    assert which.input_value() == "curves"
    which.select_option("fleet")
    name, svg = saved("SVG")
    prepared = {name: prepare(s) for name, s in Comparison(MEDIUM).runs().items()}
    heads = {row["text"] for row in fleet(prepared, 55.0).rows("heads")}
    assert all(head.encode() in svg for head in heads)
    assert name.endswith("-fleet-55s.svg")
    assert FLEET_SIGNS.encode() in svg
    first, table = saved("All points as CSV")
    settings = Settings(Comparison(MEDIUM))
    assert f"# share code: {settings.code()}".encode() in table
    assert b"\n# buffer: 6\n" in table
    assert b"\nmethod,seed,version" in table
    open_groups(tab)
    tab.slider("server rate").focus()
    tab.page.keyboard.press("ArrowRight")
    tab.phase("running")
    tab.phase("done")
    assert saved("All points as CSV")[0] != first


def test_wide_page_leaves_no_third_empty(server: Server, tmp_path: Path) -> None:
    with browse(server, tmp_path / "profile", 1920, 1080) as tab:
        tab.open(server.write("wide.ipynb", lab_cell(MEDIUM)))
        tab.phase("done")
        tab.until(FIT)
        grid = tab.page.locator(".ftte-grid").bounding_box()
        boxes = [b.bounding_box() for b in tab.page.locator(".ftte-grid > :visible").all()]
        right = grid["x"] + grid["width"]
        lowest = max(box["y"] for box in boxes)
        last_row = [box for box in boxes if box["y"] == lowest]
        assert max(box["x"] + box["width"] for box in last_row) == pytest.approx(right, abs=24)
        keep(tab, "wide")


def test_data_sets_that_are_not_there_cannot_be_chosen(tab: Tab, server: Server) -> None:
    tab.open(server.write("absent.ipynb", lab_cell(MEDIUM, "show=['data', 'budget_kib']")))
    tab.phase("done")
    options = tab.page.locator(".ftte-knob-data option").evaluate_all(
        "all => all.map(o => [o.textContent.replaceAll('\\u00a0', ' '), o.disabled])"
    )
    from ftte_lab.lab.data_choice import absent

    for text, disabled in options:
        assert disabled == absent(text.split(" ")[0]) == ("not on this computer" in text)


def test_stop_while_preparing_leaves_a_page_that_goes_on(tab: Tab, server: Server) -> None:
    slow = (
        "import time\nfrom ftte_lab.lab import computing\nplain = computing.prepare\n"
        "computing.prepare = lambda s, *a, **k: (time.sleep(1), plain(s, *a, **k))[1]"
    )
    tab.open(server.write("early.ipynb", slow, lab_cell(MEDIUM)))
    tab.phase("running")
    tab.press("stop")
    tab.phase("stopped")
    note = tab.page.locator(".ftte-progress .ftte-note")
    assert note.inner_text() == "stopped before the fleet was ready. Press Run to go on"
    tab.press("run")
    tab.phase("running")
    assert note.inner_text() == "preparing"
    tab.phase("done")


def test_knobs_say_what_they_do_with_a_value(tab: Tab, server: Server) -> None:
    big = MEDIUM.replace(data="motion", model="mcunet-s", budget_kib=None)
    tab.open(server.write("values.ipynb", lab_cell(big)))
    tab.phase("done")
    keep(tab, "values")
    marks = [box.bounding_box() for box in tab.page.locator(".ftte-marks span").all()]
    assert len(marks) == 2
    a, b = marks
    apart = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
    assert apart or abs(a["y"] + a["height"] - b["y"] - b["height"]) >= 10
    assert any("nothing fits" in m for m in tab.page.locator(".ftte-marks span").all_inner_texts())
    readout = tab.page.locator(".ftte-knob-budget_kib .widget-readout")
    readout.click()
    tab.page.keyboard.press("Control+a")
    tab.page.keyboard.type("5")
    tab.page.keyboard.press("Enter")
    note = tab.page.locator(".ftte-knob-budget_kib .ftte-typed")
    note.wait_for()
    assert re.fullmatch(r"5 is not possible here; the knob stands at \d+\.", note.inner_text()), (
        note.inner_text()
    )
    mix = tab.page.locator(".ftte-knob-mix")
    assert mix.locator("option").first.inner_text().replace("\xa0", " ") == "choose …"
    mix.locator("select").select_option(label="esp32")
    tab.page.get_by_role("slider", name="esp32", exact=True).wait_for()
    mix.locator("button[title='remove esp32']").click()
    tab.until("() => !document.querySelector(\"[aria-label='esp32']\")")
    assert "esp32" in "".join(mix.locator("option").all_inner_texts())


def test_a_very_long_run_asks_before_it_trains(tab: Tab, server: Server) -> None:
    small = "from ftte_lab.lab import board\nboard._MANY_UPDATES = 100"
    tab.open(server.write("asks.ipynb", small, lab_cell(MEDIUM)))
    tab.phase("done")
    tab.slider("straggler share").focus()
    tab.page.keyboard.press("ArrowLeft")
    tab.phase("stopped")
    note = tab.page.locator(".ftte-progress .ftte-note").inner_text()
    assert re.fullmatch(r"[\d,]+ client updates, which may take long. Press Run to start", note)
    tab.press("run")
    tab.phase("done")


def saved_notebook(tab: Tab, server: Server, name: str) -> Any:
    """The notebook as it is saved after a run, when its picture is there."""
    tab.until(
        """() => window.jupyterapp.shell.currentWidget.content.widgets[0].model.outputs
          .toJSON().some(o => o.data && o.data['image/png'])"""
    )
    command(tab, "docmanager:save")
    return nbformat.read(server.folder / name, 4)


CHANGED = "() => window.jupyterapp.shell.currentWidget.context.model.dirty"


@pytest.mark.parametrize("app", ["doc/tree", "notebooks"])
def test_a_saved_notebook_shows_a_picture_without_a_kernel(
    server: Server, tmp_path: Path, app: str
) -> None:
    with browse(server, tmp_path / "first") as tab:
        name = server.write(f"saved-{app[:3]}.ipynb", lab_cell(MEDIUM))
        tab.open(name)
        tab.phase("done")
        notebook = saved_notebook(tab, server, name)
        assert not tab.page.locator(".ftte-still").is_visible()  # the Lab itself is there
        assert not tab.page.locator(".jp-RenderedImage").is_visible()
        verdict = tab.page.locator(".ftte-verdict").inner_text()
        assert tab.problems == []
    [_, words, picture] = notebook.cells[0].outputs
    assert verdict in words.data["text/plain"]
    assert picture.data["image/png"]
    page = Path(server.folder / name).read_text()
    for trusted in (True, False):
        other = f"{'trusted' if trusted else 'foreign'}-{app[:3]}.ipynb"
        (server.folder / other).write_text(page)
        if trusted:
            trust(server, other)
        with browse(server, tmp_path / f"{trusted}") as tab:
            tab.open(other, app, run=False)
            tab.page.wait_for_selector(".jp-RenderedImage img")
            tab.page.wait_for_timeout(500)
            text = tab.page.locator(".jp-OutputArea").first.inner_text()
            assert "Error displaying widget" not in text
            assert verdict in text
            width = tab.page.locator(".jp-RenderedImage img").evaluate("i => i.naturalWidth")
            assert width > 300
            keep(tab, f"still-{app[:3]}-{trusted}")


def test_a_saved_picture_is_of_the_last_state_after_a_reload(tab: Tab, server: Server) -> None:
    name = server.write("renewed.ipynb", lab_cell(MEDIUM))
    tab.open(name)
    tab.phase("done")
    first = saved_notebook(tab, server, name).cells[0].outputs
    tab.page.reload()
    tab.page.wait_for_selector(".ftte-stage", timeout=60_000)
    tab.phase("done")
    tab.page.wait_for_timeout(1500)
    assert not tab.page.evaluate(CHANGED)  # the same picture is not written again
    tab.drag("buffer capacity K", 0.9)
    tab.until("n => Number(document.querySelector('.ftte-stage').dataset.number) > n", 1)
    tab.phase("done")
    verdict = tab.page.locator(".ftte-verdict").inner_text()
    assert verdict not in first[1].data["text/plain"]
    tab.until(CHANGED)
    command(tab, "docmanager:save")
    [_, words, picture] = nbformat.read(server.folder / name, 4).cells[0].outputs
    assert verdict in words.data["text/plain"]
    assert picture.data["image/png"] != first[2].data["image/png"]
    assert not tab.page.locator(".ftte-still").is_visible()


def trust(server: Server, name: str) -> None:
    request = urllib.request.Request(  # noqa: S310
        f"{server.url}/api/contents/{name}/trust?token={TOKEN}", method="POST", data=b""
    )
    urllib.request.urlopen(request, timeout=30)  # noqa: S310


def test_nbconvert_shows_the_picture(tab: Tab, server: Server, tmp_path: Path) -> None:
    from nbconvert import HTMLExporter

    name = server.write("convert.ipynb", lab_cell(MEDIUM))
    tab.open(name)
    tab.phase("done")
    notebook = saved_notebook(tab, server, name)
    body, _ = HTMLExporter().from_notebook_node(notebook)
    assert 'class="ftte-still"' in body
    assert "data:image/png;base64," in body
