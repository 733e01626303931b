"""Two hours of use, compressed: drags, cells run again, pages reloaded, kernels restarted.

`python -m tests.long_session` drives a JupyterLab in Chromium, as the browser tests do, and
measures from outside what the session holds: threads, processes, memory, temporary files,
listeners, and what the page holds. Nothing may grow with use, no error may appear in the console,
and no request may leave the machine. Needs Linux, because it reads `/proc`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.browser.driver import CONNECTED, Server, Tab, browse, serve
from tests.tiny import TINY

CELL = """from ftte_lab import Scenario
from ftte_lab.lab import Lab
lab = Lab(Scenario.from_json({text!r}), show=["buffer", "concurrency"])
lab"""
COUNT = """import gc, json, threading
from ipywidgets.widgets.widget import _instances
gc.collect()
gc.unfreeze()
labs = [one for one in gc.get_objects() if type(one).__name__ == "Lab"]
labs = sum(not one._runner._closed for one in labs)
names = [thread.name for thread in threading.enumerate()]
found = {"widgets": len(_instances), "labs": labs, "workers": names.count("ftte-lab")}
found["subshells"] = sum(name.startswith("subshell") for name in names)
with open("count.json", "w") as file:
    json.dump(found, file)"""
DRAW = """# the engine that draws pictures takes its memory once: before the first measurement
for _ in range(12):
    lab.figure("curves").png()"""
SLIDERS = ("buffer capacity K", "concurrency")
_SAVE = "() => window.jupyterapp.commands.execute('docmanager:save').then(() => null)"
_RUN = """k => {
  const app = window.jupyterapp;
  app.shell.currentWidget.content.activeCellIndex = k;
  return app.commands.execute('notebook:run-cell').then(() => null);
}"""
_RESTART = """() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel
  .restart().then(() => null)"""
_LISTENING = "0A"  # state of a socket in /proc/net/tcp


@dataclass(frozen=True)
class Held:
    """What the session holds at one moment.

    Attributes:
        processes: of the server, its kernels and their workers.
        threads: of the kernel, without the subshells.
        subshells: threads that JupyterLab has asked for, one each time a page is loaded. It does
            not end them before the kernel, so they are recorded and not judged.
        memory_mib: of the kernel (MiB).
        files: in the temporary folder.
        listeners: sockets that any of the processes listens on.
        widgets, labs, workers: in the kernel: open widgets, open Labs, threads that compute.
        page_nodes, page_listeners: of the page: nodes of the document, listeners of events.
        page_mib: memory of the page's scripts (MiB).
    """

    processes: int
    threads: int
    subshells: int
    memory_mib: int
    files: int
    listeners: int
    widgets: int
    labs: int
    workers: int
    page_nodes: int
    page_listeners: int
    page_mib: int


ROOM: dict[str, tuple[float, float]] = {
    "processes": (1.0, 0),
    "threads": (1.0, 2),
    "memory_mib": (1.15, 40),
    "files": (1.0, 0),
    "listeners": (1.0, 0),
    "widgets": (1.0, 0),
    "labs": (1.0, 1),
    "workers": (1.0, 1),
    "page_mib": (1.5, 60),
}
"""By what one measures: factor and margin within which a later moment may be above an early one.

A page keeps nodes of outputs that were replaced until it is loaded again. They are recorded and not
judged.
"""


def grown(early: Held, late: Held) -> list[str]:
    """Return what has grown, in words."""
    found = []
    for name, (factor, margin) in ROOM.items():
        before, after = getattr(early, name), getattr(late, name)
        if after > factor * before + margin:
            found.append(f"{name} grew from {before} to {after}")
    return found


class Session:
    """A page, its kernel, and what they hold.

    Args:
        tab: the page.
        server: the JupyterLab.
        temporary: the temporary folder of all processes.
        seed: of the random use.
    """

    def __init__(self, tab: Tab, server: Server, temporary: Path, seed: int) -> None:
        self.tab, self.server, self.temporary = tab, server, temporary
        self.rng = random.Random(seed)  # noqa: S311  # no secret
        self.name = server.write("long.ipynb", CELL.format(text=TINY.to_json()), COUNT, DRAW)
        self.devtools = tab.page.context.new_cdp_session(tab.page)
        self.devtools.send("Performance.enable")
        tab.open(self.name)
        tab.phase("done", 120)

    def drag(self) -> None:
        """Move a slider to a random place; sometimes wait for the run, sometimes not."""
        self.tab.drag(self.rng.choice(SLIDERS), self.rng.random())
        if self.rng.random() < 0.3:
            self.tab.phase("done", 120)

    def run_again(self) -> None:
        """Run the cell with the Lab again."""
        self.tab.page.evaluate(_RUN, 0)
        self.tab.page.wait_for_selector(".ftte-stage", timeout=60_000)

    def reload(self) -> None:
        """Save, and load the page again; the Lab comes back."""
        self.tab.phase("done", 120)
        self.tab.page.evaluate(_SAVE)
        self.tab.page.reload()
        self.tab.page.wait_for_selector(".ftte-stage", timeout=60_000)
        self.tab.phase("done", 120)

    def restart(self) -> None:
        """Restart the kernel, and run the Lab's cell."""
        self.tab.phase("done", 120)
        self.tab.page.evaluate(_RESTART)
        self.tab.page.wait_for_function(CONNECTED, timeout=60_000)
        self.run_again()
        self.tab.phase("done", 120)

    def held(self) -> Held:
        """Measure, once nothing is under way."""
        self.tab.phase("done", 120)
        time.sleep(3.0)  # an idle worker ends after two seconds
        count = self.server.folder / "count.json"
        count.unlink(missing_ok=True)
        self.tab.page.evaluate(_RUN, 1)
        end = time.monotonic() + 60
        while not count.exists() or not count.read_text():
            assert time.monotonic() < end
            time.sleep(0.05)
        inside = json.loads(count.read_text())
        self.devtools.send("HeapProfiler.collectGarbage")
        page = {
            m["name"]: m["value"] for m in self.devtools.send("Performance.getMetrics")["metrics"]
        }
        pids = self._processes()
        [kernel] = [pid for pid in pids if "ipykernel_launcher" in _text(f"/proc/{pid}/cmdline")]
        return Held(
            processes=len(pids),
            threads=len(os.listdir(f"/proc/{kernel}/task")) - inside["subshells"],
            memory_mib=int(_text(f"/proc/{kernel}/statm").split()[1]) * 4096 >> 20,
            files=sum(1 for _ in self.temporary.rglob("*")),
            listeners=sum(_listeners(pid) for pid in pids),
            page_nodes=int(page["Nodes"]),
            page_listeners=int(page["JSEventListeners"]),
            page_mib=int(page["JSHeapUsedSize"]) >> 20,
            **inside,
        )

    def _processes(self) -> list[int]:
        """Return all processes that have our temporary folder: server, kernel, workers."""
        mark = f"TMPDIR={self.temporary}"
        known = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        return [pid for pid in known if mark in _text(f"/proc/{pid}/environ").split("\0")]


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:  # it has ended meanwhile
        return ""


def _listeners(pid: int) -> int:
    """Return how many sockets a process listens on."""
    mine = set()
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                mine.add(os.readlink(entry.path))
    rows = [row.split() for row in _text(f"/proc/{pid}/net/tcp").splitlines()[1:]]
    return sum(row[3] == _LISTENING and f"socket:[{row[9]}]" in mine for row in rows)


@contextlib.contextmanager
def session(home: Path, seed: int = 0) -> Iterator[Session]:
    """Start a server with a temporary folder of its own, and open a Lab in a page."""
    temporary = home / "temporary"
    temporary.mkdir()
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(temporary)
    try:
        with serve(home / "jupyter") as server:
            os.environ.pop("TMPDIR")  # Chromium has files of its own
            with browse(server, home / "profile") as tab:
                yield Session(tab, server, temporary, seed)
    finally:
        os.environ.pop("TMPDIR", None)
        if before is not None:
            os.environ["TMPDIR"] = before


def use(one: Session, *, drags: int, reruns: int, reloads: int, sections: int = 4) -> list[Held]:
    """Use one kernel in sections, in a random order; measure after each."""
    actions = [*["drag"] * drags, *["run_again"] * reruns, *["reload"] * reloads]
    one.rng.shuffle(actions)
    measured = []
    for k in range(sections):
        for action in actions[k::sections]:
            getattr(one, action)()
        measured.append(one.held())
        print(asdict(measured[-1]), flush=True)
    return measured


def main() -> None:
    """Use a session for long, and print what it holds; exit with 1 if anything grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.long_session", description=main.__doc__)
    for name, count in (("drags", 1000), ("reruns", 200), ("reloads", 50), ("restarts", 20)):
        parser.add_argument(f"--{name}", type=int, default=count)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as home, session(Path(home), chosen.seed) as one:
        counts = {name: getattr(chosen, name) for name in ("drags", "reruns", "reloads")}
        measured = use(one, **counts)
        found = grown(measured[0], measured[-1])
        again = []
        for k in range(chosen.restarts):
            one.restart()
            if k in (0, chosen.restarts - 1):
                again.append(one.held())
                print(asdict(again[-1]), flush=True)
        if again:
            found += [f"over restarts {text}" for text in grown(again[0], again[-1])]
        found += [f"console: {text}" for text in one.tab.problems]
        found += [f"outside: {text}" for text in one.tab.outside]
    print(f"{chosen} in {time.monotonic() - began:.0f} s")
    print("\n".join(found) or "nothing has grown")
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
