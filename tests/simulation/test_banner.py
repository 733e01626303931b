"""Workers among banners, closed streams and kills: they answer, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="workers are not used there"),
]
RUN = """
import sys, time
from ftte_lab.simulation import Stepped, simulate
from ftte_lab.simulation.workers import pool
from tests.hurt import SCENARIO
seen = 0
for k, event in enumerate(simulate(SCENARIO.replace(horizon_s=float(sys.argv[1])), processes=2)):
    while k == 2 and not all(w.loaded_run for w in pool.living()):
        time.sleep(0.05)
        [w.collect() for w in pool.living()]
        assert all(w.alive for w in pool.living())
    if k == 3:
        with open(sys.argv[2], "w") as file:
            file.write(" ".join(str(w.process.pid) for w in pool.living()))
"""
BANNER = """
import sys
for stream in filter(None, (sys.stdout, sys.stderr)):
    stream.write("Welcome to the cluster. Read the news.\\n" * 2000)
    stream.flush()
"""


def start(tmp_path: Path, seconds: str, shell: str = "") -> tuple[subprocess.Popen[bytes], Path]:
    (tmp_path / "sitecustomize.py").write_text(BANNER)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    said = tmp_path / "said"
    process = subprocess.Popen(  # noqa: S603
        ["sh", "-c", f'exec "$@" {shell}', "sh", sys.executable, "-c", RUN, seconds, str(said)],  # noqa: S607
        env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return process, said


@pytest.mark.parametrize("shell", ["", ">&- 2>&- <&-"])
def test_workers_answer_whatever_is_printed_at_the_start(shell: str, tmp_path: Path) -> None:
    process, said = start(tmp_path, "200", shell)
    assert process.wait(120) == 0
    assert said.read_text()


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("stopped", [False, True])
def test_a_killed_run_leaves_no_process_and_no_file(stopped: bool, tmp_path: Path) -> None:
    process, said = start(tmp_path, "1e6")
    end = time.monotonic() + 120
    while not said.exists() or not said.read_text():
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.05)
    [worker] = [int(pid) for pid in said.read_text().split()]
    if stopped:
        os.kill(worker, signal.SIGSTOP)
    process.kill()
    process.wait()
    if stopped:  # nobody can end a stopped process but whoever lets it go on
        os.kill(worker, signal.SIGCONT)
    while alive(worker):
        assert time.monotonic() < end
        time.sleep(0.05)
    known = {"sitecustomize.py", "said", "__pycache__"}
    assert {path.name for path in tmp_path.iterdir()} <= known
