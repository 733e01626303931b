"""The playground as a dashboard, where Voilà is installed."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.browser.driver import Server, browse, chromium
from tests.browser.test_lab_in_browser import MEDIUM, keep, lab_cell

pytestmark = pytest.mark.slow
pytest.importorskip("voila")


@pytest.fixture
def dashboard(tmp_path: Path) -> Iterator[Server]:
    if chromium() is None:
        pytest.skip("no Chromium: install it, or set FTTE_CHROMIUM")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shown = Server(f"http://127.0.0.1:{port}", tmp_path)
    name = shown.write("dashboard.ipynb", lab_cell(MEDIUM))
    command = [
        sys.executable,
        "-m",
        "voila",
        str(tmp_path / name),
        f"--port={port}",
        "--no-browser",
    ]
    environment = {**os.environ, "FTTE_MODE": "live", "IPYTHONDIR": str(tmp_path / "ipython")}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)  # noqa: S603
        try:
            for _ in range(300):
                with suppress(OSError):
                    urllib.request.urlopen(f"{shown.url}/voila/static/", timeout=5)  # noqa: S310
                    break
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.1)
            yield shown
        finally:
            process.terminate()
            process.wait(20)


def test_voila_dashboard_runs(dashboard: Server, tmp_path: Path) -> None:
    with browse(dashboard, tmp_path / "profile") as tab:
        tab.page.goto(dashboard.url)
        tab.page.wait_for_selector(".ftte-stage", timeout=60_000)
        tab.phase("done")
        tab.page.wait_for_selector("[data-panel=curves] svg")
        sentence = tab.sentence()
        tab.drag("buffer capacity K", 0.9)
        tab.until("s => document.querySelector('.ftte-sentence').innerText !== s", sentence)
        tab.phase("done")
        keep(tab, "voila")
        assert [url for url in tab.outside if "fontawesome" not in url] == []  # Voilà's own icons
