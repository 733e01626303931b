"""A separate JupyterLab and a real Chromium, for the browser tests and the live benchmarks.

Nothing of the user's is touched (separate settings, separate profile). Every request beyond this
machine is refused and recorded.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from ftte_lab.cli.jupyter import quiet_environment

TOKEN = "only-for-this-test"  # noqa: S105  # not a secret: the server lives for minutes, on this machine
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CONNECTED = """() => {
  const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
  return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
_RUN_ALL = "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); return null; }"
_ERRORS = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .flatMap(cell => cell.model.type === 'code' ? cell.model.outputs.toJSON() : [])
  .filter(output => output.output_type === 'error').map(output => output.evalue)"""


def chromium() -> str | None:
    """The browser to use, if there is one: `FTTE_CHROMIUM`, or what Debian and others call it."""
    names = (os.environ.get("FTTE_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@dataclass(frozen=True)
class Server:
    """A running server and the folder it shows."""

    url: str
    folder: Path

    def end_kernels(self) -> None:
        """End all kernels: a closed page leaves its own running, each with half a gigabyte."""
        for kernel in json.loads(self._ask("api/kernels")):
            with contextlib.suppress(OSError):  # it may have ended meanwhile
                self._ask(f"api/kernels/{kernel['id']}", "DELETE")

    def _ask(self, path: str, method: str = "GET") -> bytes:
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/{path}", method=method, headers={"Authorization": f"token {TOKEN}"}
        )
        content: bytes = urllib.request.urlopen(request, timeout=30).read()  # noqa: S310
        return content

    def write(self, name: str, *cells: str) -> str:
        """Put a notebook of code cells into the folder; returns its name."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells]
        )
        notebook.metadata["kernelspec"] = {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        }
        nbformat.write(notebook, self.folder / name)
        return name


@contextlib.contextmanager
def serve(home: Path, app: str = "jupyterlab") -> Iterator[Server]:
    """Run JupyterLab on a free port, with a token, and settings of its own under `home`."""
    folder = home / "work"
    folder.mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    own = {f"JUPYTER_{name}": str(home / name.lower()) for name in names}
    own |= {
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }
    environment = (
        {k: v for k, v in quiet_environment().items() if k != "FTTE_MODE"}
        | own
        | {"IPYTHONDIR": str(home / "ipython")}
    )
    command = [
        sys.executable,
        "-m",
        app,
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.allow_root=True",
        "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]
    log = home / "server.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)  # noqa: S603
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_for(url, process, log)
            yield Server(url, folder)
        finally:
            _shut_down(url, process)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/api?token={TOKEN}", timeout=30).read()  # noqa: S310
            return
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise TimeoutError(f"no server after a minute:\n{log.read_text()}")


def _shut_down(url: str, process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):  # ends the kernels too
        request = urllib.request.Request(  # noqa: S310
            f"{url}/api/shutdown?token={TOKEN}", method="POST", data=b""
        )
        urllib.request.urlopen(request, timeout=30)  # noqa: S310
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass
class Tab:
    """A page of the browser, and what it did that it must not do."""

    page: Any
    server: Server
    outside: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def open(self, name: str, path: str = "doc/tree", run: bool = True) -> None:
        """Open a notebook and run all of its cells."""
        self.page.goto(
            f"{self.server.url}/{path}/{name}?token={TOKEN}"
            + ("&reset" if path == "doc/tree" else "")
        )
        self.page.wait_for_function(CONNECTED, timeout=60_000)
        if run:
            self.page.evaluate(_RUN_ALL)
            self.page.wait_for_selector(".ftte-stage", timeout=60_000)

    def errors(self) -> list[str]:
        """Errors in the notebook's outputs."""
        return list(self.page.evaluate(_ERRORS))

    def stage(self, key: str) -> str:
        """One of the stage's data attributes: phase, number, progress, theme."""
        return str(self.page.locator(".ftte-stage").first.get_attribute(f"data-{key}") or "")

    def until(self, script: str, arg: Any = None, timeout_s: float = 30) -> Any:
        """Wait until a script in the page gives something true."""
        return self.page.wait_for_function(script, arg=arg, timeout=1000 * timeout_s, polling=10)

    def settled(self, script: str) -> Any:
        """Return what a script in the page gives, once it has given the same for half a second."""
        before, now = None, self.page.evaluate(script)
        while before != now:
            self.page.wait_for_timeout(500)
            before, now = now, self.page.evaluate(script)
        return now

    def phase(self, phase: str, timeout_s: float = 60) -> None:
        """Wait for a phase of the run: running, stopped, done, failed."""
        self.until(
            f"() => document.querySelector('.ftte-stage')?.dataset.phase === '{phase}'",
            None,
            timeout_s,
        )

    def sentence(self) -> str:
        """The text above the charts."""
        return str(self.page.locator(".ftte-sentence").first.inner_text())

    def slider(self, text: str) -> Any:
        """The handle of a slider, by its label."""
        return self.page.locator(".widget-slider", has_text=text).locator(".noUi-handle").first

    def drag(self, text: str, share: float) -> None:
        """Drag a slider with the mouse to a share of its length, and let go."""
        handle = self.slider(text)
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        track = (
            self.page.locator(".widget-slider", has_text=text)
            .locator(".noUi-base")
            .first.bounding_box()
        )
        y = box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + box["width"] / 2, y)
        self.page.mouse.down()
        self.page.mouse.move(track["x"] + track["width"] * share, y, steps=6)
        self.page.mouse.up()

    def show_chart(self, name: str) -> None:
        """Tick the box of a chart, behind the button that opens the boxes."""
        opener = self.page.locator(".ftte-which").first
        if opener.get_attribute("aria-expanded") != "true":
            opener.click()
        self.page.locator(f"input[data-panel={name}]").first.check()

    def press(self, name: str) -> None:
        """Press one of the stage's buttons."""
        self.page.locator(f".ftte-toolbar [data-action={name}]").first.click()


@contextlib.contextmanager
def browse(
    server: Server, profile: Path, width: int = 1400, height: int = 1000, **options: Any
) -> Iterator[Tab]:
    """Open Chromium with a fresh profile.

    Raises:
        RuntimeError: if there is no Chromium.
    """
    from playwright.sync_api import sync_playwright

    path = chromium()
    if path is None:
        raise RuntimeError(
            "no Chromium found; install Debian's package chromium, "
            "or set FTTE_CHROMIUM to its path."
        )
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile),
            executable_path=path,
            headless=True,
            args=FLAGS,
            viewport={"width": width, "height": height},
            **options,
        )
        tab = Tab(context.pages[0], server)

        def gate(route: Any) -> None:
            if route.request.url.startswith((server.url, "data:", "blob:")):
                route.continue_()
            else:
                tab.outside.append(route.request.url)
                route.abort()

        context.route("**/*", gate)
        tab.page.on("pageerror", lambda error: tab.problems.append(str(error)))
        tab.page.on("console", lambda m: tab.problems.append(m.text) if m.type == "error" else None)
        yield tab
        context.close()
        with contextlib.suppress(OSError):
            server.end_kernels()
