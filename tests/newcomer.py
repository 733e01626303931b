"""Start as a newcomer: bare environments, the lines of the README, and a watch.

    python -m tests.newcomer                 from the wheel, from the archive, from a checkout
    python -m tests.newcomer wheel           one of them
    python -m tests.newcomer --pictures DIR  also what the browser shows at the end

Each way begins in an empty folder with a home of its own and nothing of this environment. The watch
stops when page 00 has been run in a browser and its fleet moves. Packages come from pip's cache and
index as they are set on this machine. Needs Chromium. `make newcomer` calls it.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ftte_lab.cli.course_list import FIRST_PAGE
from tests.browser.driver import TOKEN, Server, browse

ROOT = Path(__file__).parents[1]
TORCH = "torch>=2.13,<2.14"  # first: see docs/install.md, "PyTorch without CUDA"
_FRAMES = "() => Number(document.querySelector('.ftte-fleet')?.dataset.frames ?? 0)"
_MOVES = 20  # frames of the fleet after which it is taken to move
_PATIENCE_S = 900.0


@dataclass
class Timed:
    """What one way took.

    Attributes:
        install_s: until all packages are there.
        server_s: from then until JupyterLab answers.
        page_s: from then until the fleet of page 00 moves.
        size_mib: of the environment.
    """

    install_s: float
    server_s: float
    page_s: float
    size_mib: float

    @property
    def all_s(self) -> float:
        """Return the seconds from the first line to the moving fleet."""
        return self.install_s + self.server_s + self.page_s


@dataclass(frozen=True)
class Way:
    """A way to the first page.

    Attributes:
        folder: where it begins.
        install: the lines that install.
        start: the line that opens the course; what follows is added to it.
        course: the folder with the course.
    """

    folder: Path
    install: list[list[str]]
    start: Callable[[list[str]], list[str]]
    course: Path


def by_pip(package: Path, folder: Path) -> Way:
    """Install a package file with pip, and copy the course into a folder."""
    pip = [".venv/bin/python", "-m", "pip", "install", "--quiet"]
    return Way(
        folder,
        [["python3", "-m", "venv", ".venv"], [*pip, TORCH], [*pip, f"{package}[lab]"]],
        lambda options: [".venv/bin/ftte-lab", "start", "my-course", *options],
        folder / "my-course",
    )


def by_make(folder: Path) -> Way:
    """Use the checkout that lies in a folder."""
    return Way(
        folder,
        [["make", "--silent", ".venv/.lab"]],
        lambda options: ["make", "--silent", "lab", f"ARGS={' '.join(options)}"],
        folder,
    )


def bare(home: Path) -> dict[str, str]:
    """Return an environment with a home of its own; only where pip looks is kept."""
    kept = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_", "REQUESTS_"))}
    cache = os.environ.get("PIP_CACHE_DIR") or str(Path.home() / ".cache" / "pip")
    mine = Path(sys.prefix) / "bin"
    path = [one for one in os.environ["PATH"].split(os.pathsep) if Path(one) != mine]
    return {**kept, "PIP_CACHE_DIR": cache, "HOME": str(home), "PATH": os.pathsep.join(path)}


def timed(way: Way, home: Path, picture: Path | None) -> Timed:
    """Go a way, and time it."""
    environment, marks = bare(home), [time.monotonic()]
    for line in way.install:
        subprocess.run(line, cwd=way.folder, env=environment, check=True)  # noqa: S603  # ours
    marks.append(time.monotonic())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", f"--port={port}", "--", f"--IdentityProvider.token={TOKEN}"]
    options.append("--LabApp.expose_app_in_browser=True")  # so that a script can run all cells
    server = Server(f"http://127.0.0.1:{port}", way.course)
    with _running(way.start(options), way.folder, environment) as process:
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > marks[-1] + _PATIENCE_S:
                raise RuntimeError("JupyterLab has ended, or does not answer")
            time.sleep(0.1)
        marks.append(time.monotonic())
        with browse(server, home / "profile") as tab:
            tab.open(FIRST_PAGE, path="lab/tree")
            tab.page.locator(".ftte-fleet").first.scroll_into_view_if_needed()
            tab.until(f"least => ({_FRAMES})() >= least", _MOVES, 120)
            marks.append(time.monotonic())
            if picture is not None:
                tab.page.screenshot(path=str(picture))
            if tab.outside:
                raise RuntimeError(f"the page asked the network for {tab.outside}")
    size = sum(f.stat().st_size for f in (way.folder / ".venv").rglob("*") if f.is_file())
    install, answer, page = (b - a for a, b in itertools.pairwise(marks))
    return Timed(install, answer, page, size / 2**20)


@contextlib.contextmanager
def _running(
    line: list[str], folder: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a line in a group of processes of its own, and end all of them."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(  # noqa: S603  # ours
        line, cwd=folder, env=environment, stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def ways(place: Path, wanted: list[str]) -> Iterator[tuple[str, Way]]:
    """Build what each way begins with, outside of the time that is taken."""
    built = place / "dist"
    if {"wheel", "archive"} & {*wanted}:
        command = [sys.executable, "-m", "build", "--outdir", str(built), str(ROOT)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # ours
    for name in wanted:
        folder = place / ("mein kürs" if name == "archive" else name)
        if name == "checkout":
            git = shutil.which("git") or "git"
            subprocess.run([git, "clone", "--quiet", str(ROOT), str(folder)], check=True)  # noqa: S603
            yield name, by_make(folder)
        else:
            folder.mkdir()
            suffix = "*.whl" if name == "wheel" else "*.tar.gz"
            yield name, by_pip(next(built.glob(suffix)), folder)


def main() -> None:
    """Go the ways, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.newcomer", description=main.__doc__)
    names = ("wheel", "archive", "checkout")
    parser.add_argument("ways", nargs="*", default=list(names), metavar="WAY")
    parser.add_argument("--pictures", type=Path, help="an existing folder for screenshots")
    chosen = parser.parse_args()
    if strangers := {*chosen.ways} - {*names}:
        parser.error(f"way {strangers.pop()!r}; allowed: {', '.join(names)}")
    print("| way | install | JupyterLab answers | page 00 moves | in all | size |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, way in ways(place, chosen.ways):
            home = place / f"home-{name}"
            home.mkdir()
            picture = chosen.pictures and chosen.pictures / f"{name}.png"
            took = timed(way, home, picture)
            cells = (took.install_s, took.server_s, took.page_s, took.all_s)
            row = " | ".join(f"{value:.0f} s" for value in cells)
            print(f"| {name} | {row} | {took.size_mib:,.0f} MiB |", flush=True)


if __name__ == "__main__":
    main()
