"""What Windows and macOS have not: the kit imports, runs and answers without it.

The systems themselves are in the CI matrix. Here a process loses what they lack.
"""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "ftte_lab").rglob("*.py"))
LOSE = r"""
import os, select, signal, socket, subprocess, sys
# What the kit needs of others is imported before: they have their own ways on Windows.
import altair, anywidget, click, IPython.display, ipywidgets, numpy, pandas, PIL.Image, pooch
import requests
import safetensors.torch, scipy.optimize, scipy.sparse, sklearn.datasets, torch, tqdm.auto
import vl_convert
import multiprocessing.connection, concurrent.futures.process
import tempfile, shutil
for name in (
    "sched_getaffinity", "sched_setaffinity", "killpg", "getpgid", "fork", "forkpty", "getuid",
    "geteuid", "getgid", "chown", "fchmod", "nice", "getloadavg", "register_at_fork",
    "set_blocking", "mkfifo", "statvfs", "posix_fadvise", "sysconf", "sync", "pread", "readv",
):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGKILL", "SIGSTOP", "SIGCONT", "SIGALRM", "SIGHUP", "SIGUSR1", "setitimer", "alarm"):
    if hasattr(signal, name):
        delattr(signal, name)
for name in ("poll", "epoll"):
    if hasattr(select, name):
        delattr(select, name)
for name in ("send_fds", "recv_fds", "socketpair", "AF_UNIX"):
    if hasattr(socket, name):
        delattr(socket, name)
for name in ("fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "syslog"):
    sys.modules[name] = None
def no_process(*_, **__):
    raise OSError("no process here")
subprocess.Popen = no_process
sys.platform = PLATFORM
"""
WORK = r"""
import importlib, json, os, pkgutil
import ftte_lab
found = {"modules": 0}
for module in pkgutil.walk_packages(ftte_lab.__path__, "ftte_lab."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
        found["modules"] += 1
from ftte_lab.course import check, doctor, report
from ftte_lab.lab import Lab
from ftte_lab.simulation import prepare, run
from tests.tiny import TINY
found["search"] = prepare(TINY.replace(solver="exact")).plan.subset.to_json()
found["alone"] = run(TINY.as_method("ftte"), processes=1).points["accuracy"].tolist()
found["asked for two"] = run(TINY.as_method("ftte"), processes=2).points["accuracy"].tolist()
found["unasked"] = run(TINY.as_method("ftte")).points["accuracy"].tolist()
lab = Lab(TINY, methods=["ftte"], mode="live")
found["lab"] = lab.run().table(120)["accuracy"].tolist()
lab.close()
found["check"] = check("01b", lambda *_: 0.5).state
found["report"] = report("me").passed
doctor()
from ftte_lab.cli import main
found["start"] = main(["start", "Kurs für 学生", "--no-open"])
found["pages"] = sorted(os.listdir(os.path.join("Kurs für 学生", "notebooks")))
found["share"] = main(["share", "lab", "--set", "buffer=3"])
found["wrong"] = main(["run", "--set", "buffer=0"])
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(found, file)
"""


def found(tmp_path: Path, platform: str = "") -> dict[str, object]:
    """Return what a process finds that has lost what a platform lacks."""
    tmp_path.mkdir(exist_ok=True)
    out = tmp_path / "found.json"
    before = LOSE.replace("PLATFORM", repr(platform)) if platform else "import sys"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "FTTE_PROGRESS": str(tmp_path),
        "PYTHONIOENCODING": "cp1252",
        "PYTHONUTF8": "0",
        "PYTHONWARNINGS": "default",
        "PYTHONWARNDEFAULTENCODING": "1",
    }
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", before + WORK, str(out)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        timeout=300,
        check=False,
    )
    errors = done.stderr.decode(errors="replace")
    assert done.returncode == 0, errors[-2000:]
    mine = [
        line for line in errors.splitlines() if "EncodingWarning" in line and "ftte_lab" in line
    ]
    assert mine == []
    values: dict[str, object] = json.loads(out.read_text(encoding="utf-8"))
    return values


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_everything_works_without_what_the_platform_lacks(platform: str, tmp_path: Path) -> None:
    here, there = found(tmp_path / "here"), found(tmp_path / "there", platform)
    assert there == here
    assert isinstance(there["modules"], int)
    assert there["modules"] > 150
    assert (there["start"], there["share"], there["wrong"]) == (0, 0, 2)
    assert isinstance(there["pages"], list)
    assert len(there["pages"]) >= 12


def opened(path: Path) -> list[str]:
    """Return the calls of a file that read or write text without naming the encoding."""
    bad = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        named = {keyword.arg for keyword in node.keywords}
        binary = any(
            isinstance(a, ast.Constant) and isinstance(a.value, str) and "b" in a.value
            for a in [*node.args, *(k.value for k in node.keywords if k.arg == "mode")]
        )
        texts = ("read_text", "write_text") if isinstance(node.func, ast.Attribute) else ("open",)
        fdopen = name == "fdopen"
        if (name in texts or fdopen) and "encoding" not in named and not binary:
            bad.append(f"line {node.lineno}: {name}")
    return bad


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_text_file_has_its_encoding_named(path: Path) -> None:
    assert opened(path) == []


def test_pools_start_processes_as_windows_does() -> None:
    """A fork would copy threads and locks, and exists on few systems."""
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert 'get_context("fork' not in text, path
        assert "os.fork(" not in text, path


def test_guides_say_what_works_without_make() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    guide = (ROOT / "INSTRUCTORS.md").read_text(encoding="utf-8")
    install = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    assert "On Windows" in readme
    assert r".venv\Scripts\python -m pip install" in readme
    assert "PowerShell" in install
    assert "Execute.timeout=900" in guide
    assert "Windows" in guide
