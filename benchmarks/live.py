"""Measure how the Lab answers: a real JupyterLab, a real Chromium, a mouse.

Times are taken inside the page.
"""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.timing import spread
from tests.browser.driver import Server, Tab, browse, chromium, serve

# The page notes when a slider is released, when the sentence changes, and when the curves of the
# new run are first drawn.
_WATCH = """() => {
  window.noted = {};
  const note = (key) => {
    if (window.noted[key] === undefined) window.noted[key] = performance.now();
  };
  const release = () => { window.noted = { release: performance.now() }; };
  document.addEventListener('pointerup', release, true);
  const stage = document.querySelector('.ftte-stage');
  new MutationObserver(() => note('instant')).observe(
    document.querySelector('.ftte-sentence'),
    { childList: true, characterData: true, subtree: true });
  const curves = document.querySelector('[data-panel=curves][data-frames]');
  new MutationObserver(() => {
    if (window.noted.instant === undefined) return;
    if (curves.dataset.number !== stage.dataset.number) return;
    if (Number(curves.dataset.points) > 0) note('frame');
    if (Number(curves.dataset.points) > 3) note('trained');
  }).observe(curves, { attributes: true, attributeFilter: ['data-frames'] });
}"""
_COUNTS = """() => ({
  frames: Number(document.querySelector('[data-panel=curves][data-frames]').dataset.frames),
  fleet: Number(document.querySelector('.ftte-fleet').dataset.frames), at: performance.now() })"""
_LAB = """
from ftte_lab import preset
from ftte_lab.lab import Lab
lab = Lab({what})
lab"""
# The same, with a clock around the method that draws a frame.
_CLOCKED = """
import time
from ftte_lab.lab import Lab
kind, spent = type(Lab().display), [0.0]
draw = kind.show_frame
def clocked(*arguments):
    begin = time.perf_counter()
    draw(*arguments)
    spent[0] += time.perf_counter() - begin
kind.show_frame = clocked
"""
_SHARE = """
begin, spent[0] = time.perf_counter(), 0.0
lab.run(); lab.result()
print(f"share {spent[0] / (time.perf_counter() - begin):.6f}")"""
_STATE = """
import gc, os
from ipywidgets import Widget
from ipywidgets.widgets import widget as _w
gc.collect()
statm = "/proc/self/statm"
pages = int(open(statm).read().split()[1]) if os.path.exists(statm) else 0
print(f"{len(_w._instances)} {pages * os.sysconf('SC_PAGE_SIZE') / 2**20:.1f}")"""
_ASK = """async (code) => {
  const session = window.jupyterapp.shell.currentWidget.sessionContext.session;
  const future = session.kernel.requestExecute({ code });
  let text = '';
  future.onIOPub = (message) => {
    if (message.header.msg_type === 'stream') text += message.content.text;
  };
  await future.done;
  return text;
}"""
FIVE_HUNDRED = (
    "preset('lab').scenario.replace(clients=500, concurrency=150, buffer=50, samples_per_client=10)"
)


def run(quick: bool) -> dict[str, list[dict[str, Any]]]:
    """Measure latency, frame rates, the kernel's share of drawing, and growth under dragging."""
    if chromium() is None:
        return {"live": []}
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        serve(Path(home) / "server") as server,
    ):
        with browse(server, Path(home) / "a") as tab:
            answers = _answers(tab, server, 4 if quick else 25)
        with browse(server, Path(home) / "b") as tab:
            rates = [
                _rates(tab, server, "100 devices", "'lab'"),
                _rates(tab, server, "500 devices", FIVE_HUNDRED),
            ]
        with browse(server, Path(home) / "c") as tab:
            growth = _dragging(tab, server, 20 if quick else 600)
    return {"answers": answers, "rates": rates, "growth": growth}


def _answers(tab: Tab, server: Server, drags: int) -> list[dict[str, Any]]:
    """Measure milliseconds from the release of a slider to what is shown.

    First the parts that need no training, then the first frame of the new curves (where all methods
    start), then the first frame with a point that had to be trained.
    """
    tab.open(server.write("answers.ipynb", _LAB.format(what="'lab'")))
    tab.phase("done", 120)
    tab.page.evaluate(_WATCH)
    rows = []
    for text in ("buffer capacity K", "memory budget", "straggler share"):
        instant, frame, trained = [], [], []
        for k in range(drags):
            tab.drag(text, 0.35 + 0.6 * ((7 * k) % 11) / 11)
            tab.until("() => window.noted.trained !== undefined")
            noted = tab.page.evaluate("() => window.noted")
            instant.append(noted["instant"] - noted["release"])
            frame.append(noted["frame"] - noted["release"])
            trained.append(noted["trained"] - noted["release"])
            tab.page.wait_for_timeout(300)  # the next one finds a run under way
        spreads = {
            **spread("instant_ms", instant),
            **spread("frame_ms", frame),
            **spread("trained_ms", trained),
        }
        rows.append({"slider": text, "drags": drags, **spreads})
    return rows


def _rates(tab: Tab, server: Server, label: str, what: str) -> dict[str, Any]:
    """Measure frames a second, and the share of the kernel's time that drawing takes."""
    cells = _CLOCKED + _LAB.format(what=what), _SHARE
    tab.open(server.write(f"rates {label}.ipynb", *cells))
    tab.until(
        "() => Number(document.querySelector('.ftte-stage').dataset.progress) > 0.05", None, 120
    )
    before = tab.page.evaluate(_COUNTS)
    tab.page.wait_for_timeout(3000)
    after = tab.page.evaluate(_COUNTS)
    seconds = (after["at"] - before["at"]) / 1000
    share = float(_printed(tab, 1, r"share ([\d.]+)", 300))
    idle = tab.page.evaluate(_COUNTS)
    tab.page.wait_for_timeout(3000)
    rest = tab.page.evaluate(_COUNTS)
    return {
        "lab": label,
        "curves_per_s": (after["frames"] - before["frames"]) / seconds,
        "fleet_per_s_while_training": (after["fleet"] - before["fleet"]) / seconds,
        "fleet_per_s_afterwards": (rest["fleet"] - idle["fleet"])
        / ((rest["at"] - idle["at"]) / 1000),
        "kernel_share_spent_drawing": share,
    }


def _printed(tab: Tab, cell: int, pattern: str, timeout_s: float) -> str:
    """Wait until a cell has printed something; return the first group of the match."""
    script = """([cell, n]) => window.jupyterapp.shell.currentWidget.content.widgets.filter(
      c => c.model.type === 'code')[cell].model.outputs.toJSON().map(o => o.text || '').join('')"""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if found := re.search(pattern, str(tab.page.evaluate(script, [cell, 0]))):
            return found.group(1)
        tab.page.wait_for_timeout(200)
    raise TimeoutError(f"the cell did not print {pattern} within {timeout_s} s")


def _dragging(tab: Tab, server: Server, seconds: float) -> list[dict[str, Any]]:
    """Measure widgets, memory and listeners before and after dragging three sliders."""
    tab.open(server.write("growth.ipynb", _LAB.format(what="'lab'")))
    tab.phase("done", 120)
    rows = []
    for share in (0.1, 1.0):  # after the first tenth everything has been used once
        end, drags = time.monotonic() + share * seconds, 0
        while time.monotonic() < end:
            for text in ("buffer capacity K", "memory budget", "concurrency"):
                tab.drag(text, 0.3 + 0.6 * ((5 * drags) % 13) / 13)
                drags += 1
                tab.page.wait_for_timeout(400)
        tab.phase("done", 120)
        rows.append({"after_s": round(share * seconds), "drags": drags, **_state(tab)})
    return rows


def _state(tab: Tab) -> dict[str, Any]:
    """Ask the kernel directly.

    Selecting another cell makes JupyterLab build a toolbar, which would be counted.
    """
    widgets, resident = str(tab.page.evaluate(_ASK, _STATE)).split()
    session = tab.page.context.new_cdp_session(tab.page)
    session.send("HeapProfiler.collectGarbage")
    heap, dom = session.send("Runtime.getHeapUsage"), session.send("Memory.getDOMCounters")
    return {
        "widgets": int(widgets),
        "kernel_mib": float(resident),
        "page_heap_mib": heap["usedSize"] / 2**20,
        "dom_nodes": dom["nodes"],
        "listeners": dom["jsEventListeners"],
    }
