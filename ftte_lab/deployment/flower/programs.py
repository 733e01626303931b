"""Find Flower's programs, and what they need to run without network and without traces."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from ftte_lab._common import require

FLWR_VERSION = "1.42.0"
"""The version of Flower that was tried; others may move what this carrier stands on."""
FOLDER_VARIABLE = "FTTE_FLOWER"
"""Environment variable: folder of an environment that has Flower."""

_FIX = (
    f"Run `pip install flwr=={FLWR_VERSION}` in an environment of its own, and set "
    f"{FOLDER_VARIABLE} to its folder"
)
_ASK = "from importlib.metadata import version; print(version('flwr'))"
_ASK_S = 60.0


def flower_programs() -> Path:
    """Return the folder with Flower's programs: of `FTTE_FLOWER`, or beside this Python.

    Raises:
        ValueError: this system has no Flower, it is not installed, or it is another version.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    require(
        sys.platform != "win32",
        "Flower on Windows",
        "Linux and macOS",
        "Take the carrier zmq",
    )
    folder = Path(named) / "bin" if named else Path(sys.executable).parent
    there = (folder / "flower-superlink").is_file()
    require(there, "Flower is not installed", f"flwr {FLWR_VERSION}", _FIX)
    found = _version(folder)
    allowed = f"flwr {FLWR_VERSION}, the one that was tried"
    require(found == FLWR_VERSION, f"flwr {found}", allowed, _FIX)
    return folder


def settings(programs: Path, home: Path) -> dict[str, str]:
    """Return the environment of a program: nothing is reported, looked up or installed.

    Args:
        programs: folder of the programs, which start one another by name.
        home: where the program keeps its files.
    """
    paths = [str(programs), *filter(None, [os.environ.get("PATH")])]
    return {
        **os.environ,
        "PATH": os.pathsep.join(paths),
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
        "FLWR_LOG_LEVEL": "WARNING",
        "FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.3",
        "OPENBLAS_NUM_THREADS": "1",
    }


@cache
def _version(folder: Path) -> str:
    asked = subprocess.run(  # noqa: S603
        [folder / "python", "-I", "-c", _ASK],
        capture_output=True,
        text=True,
        check=False,
        timeout=_ASK_S,
    )
    return asked.stdout.strip() or "without a version"
