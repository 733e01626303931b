"""JupyterLab on the first page of the course, as a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from ftte_lab._common import require, say
from ftte_lab.cli.course_list import FIRST_PAGE

QUIET = Path(__file__).with_name("quiet")
"""Settings for a class without network: JupyterLab neither looks for updates nor asks about news.

They stand before those of the user and of the institution, and take none of them away.
"""


def jupyter_command(folder: Path, options: Sequence[str] = ()) -> list[str]:
    """Return the command line that opens the first page of a folder with the course.

    The root is the folder of the course and not that of the notebooks, so that their links to the
    glossary work. Root's JupyterLab starts only with a flag of its own.

    Args:
        folder: with `notebooks/` in it.
        options: of JupyterLab, added at the end.

    Raises:
        ValueError: JupyterLab is not installed.
    """
    require(
        find_spec("jupyterlab") is not None,
        "JupyterLab is not installed",
        "the kit with its extra 'lab'",
        'Install it: python -m pip install "ftte_lab[lab]"',
    )
    # -P: a student's random.py in this folder must not take the place of Python's.
    command = [sys.executable, "-P", "-m", "jupyterlab", f"--ServerApp.root_dir={folder.resolve()}"]
    command += [f"--LabApp.default_url=/lab/tree/{FIRST_PAGE}"]
    if is_root():
        command.append("--allow-root")
    return [*command, *options]


def is_root() -> bool:
    """Report whether this process may do everything; systems without such a user have none."""
    return getattr(os, "geteuid", lambda: 1)() == 0


def quiet_environment() -> dict[str, str]:
    """Return this process's environment, with the settings of `QUIET` first on Jupyter's path."""
    paths = [str(QUIET), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    return os.environ | {"JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, paths))}


def open_jupyter(command: Sequence[str]) -> int:
    """Run JupyterLab until it ends, and return its exit status.

    It takes the place of this process where the system can do that, so that signals reach it. On
    Windows it is a child, which gets Ctrl-C by itself.
    """
    if is_root():
        say("You are root here: a notebook may change everything on this machine.", sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    if sys.platform != "win32":
        os.execve(command[0], list(command), quiet_environment())  # noqa: S606
    with subprocess.Popen(command, env=quiet_environment()) as process:  # noqa: S603
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue
