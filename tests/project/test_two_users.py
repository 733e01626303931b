"""Two users at the same moment with one checkout and one data home, which neither may write."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AS_A_USER = r"""
import ctypes, os, sys
if os.geteuid() == 0:  # root writes wherever it likes, unless it gives that right away
    libc = ctypes.CDLL(None)
    for right in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, out of the bounding set
        assert libc.prctl(24, right, 0, 0, 0) == 0
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
"""
WORK = r"""
import json, os, sys
from concurrent.futures import ThreadPoolExecutor
from ftte_lab.experiments import Comparison, Crew, Question, find, in_words, runs_home, sweep
from ftte_lab.lab import Lab
from ftte_lab.lab.live.vega import ensure_runtime
from tests.tiny import TINY

for shared in (os.environ["FTTE_DATA_HOME"], os.environ["PYTHONPATH"]):
    assert not os.access(shared, os.W_OK), f"{shared} can be written: this shows nothing"
ensure_runtime()
lab = Lab(TINY, mode="live")
lab.run()
lab.result(100)
lab.figure("curves").save("curves.png")
lab.close()
kept = sweep([TINY], "kept", processes=1, progress=False)
crew = Crew(runs_home(), executor=ThreadPoolExecutor(1))  # a script of -c has no main to spawn
found = list(find(Question(Comparison(TINY), "buffer", "smallest", 0.0, seeds=1), crew))[-1]
crew.close()
print(json.dumps([lab.code, in_words(found), [run.to_json() for _, run in kept]]))
"""


def state(folder: Path) -> dict[str, str]:
    """Return all files of a folder with what they hold."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def close_to_writers(folder: Path) -> None:
    """Take the right to write from a folder and all that is in it."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder with a checkout and a data home."""
    leave = shutil.ignore_patterns("__pycache__", "browser", "project")
    for part in ("ftte_lab", "tests"):
        shutil.copytree(ROOT / part, tmp_path / "checkout" / part, ignore=leave)
    (tmp_path / "checkout" / "data").mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "checkout")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "digits.txt").write_text("what an instructor has put there")
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="gives rights away as Linux does")
def test_two_users_share_what_neither_may_write(shared: Path) -> None:
    checkout, home = shared / "checkout", shared / "home"
    before = state(checkout), state(home)
    for folder in (checkout, home):
        close_to_writers(folder)
    users, started = ("ada", "bo"), []
    for user in users:
        (shared / user).mkdir()
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("FTTE_", "XDG_"))},
            "HOME": str(shared / user),
            "FTTE_DATA_HOME": str(home),
            "PYTHONPATH": str(checkout),
            "PYTHONDONTWRITEBYTECODE": "",
            "FTTE_PROGRESS": "off",
        }
        started.append(
            subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", AS_A_USER, WORK],
                cwd=shared / user,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    ended = [process.communicate(timeout=200) for process in started]
    for process, (_, errors) in zip(started, ended, strict=True):
        assert process.returncode == 0, errors[-2000:]
        assert "Traceback" not in errors
    first, second = (json.loads(out.splitlines()[-1]) for out, _ in ended)
    assert first == second
    assert (state(checkout), state(home)) == before
    for user in users:
        assert (shared / user / "curves.png").read_bytes().startswith(b"\x89PNG")
        assert list((shared / user / "kept").iterdir())
        assert list((shared / user).rglob("vega-*.js"))  # bundled once, for the next time
