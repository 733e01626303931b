"""Node processes: started, lost, started again, and gone at the end, whatever happens."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftte_lab import prepare
from ftte_lab.deployment import DeploymentError, JoinLine, RealRun, Room, run_digest
from ftte_lab.deployment.__main__ import main
from ftte_lab.deployment.node_key import kept_secret
from ftte_lab.deployment.zmq_carrier import ZmqNode
from ftte_lab.simulation import Finished, Stepped, simulate
from tests.tiny import TINY

ROOT = Path(__file__).parents[2]
NOWHERE = JoinLine("tcp://127.0.0.1:9", bytes(32), "green-tea")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.slow
def test_processes_give_the_simulated_run_although_one_is_killed() -> None:
    prepared = prepare(TINY.as_method("ftte").replace(payload_bits=8))
    *_, expected = simulate(prepared, processes=1)
    assert isinstance(expected, Finished)
    with Room(nodes=2, lost_s=3.0) as room:
        room.start_nodes()
        room.wait_for_nodes()
        processes = list(room.node_processes.processes.values())
        for event in room.locked(prepared):
            if isinstance(event, Stepped) and event.version == 2:
                room.node_processes.kill("node-2")
            if isinstance(event, RealRun):
                assert event.digest() == run_digest(expected.params, expected.history)
                assert event.jobs["node"].nunique() == 2
        processes += room.node_processes.processes.values()
        assert len({process.pid for process in processes}) == 3
    assert all(process.poll() is not None for process in processes)


@pytest.mark.slow
def test_a_node_ends_when_whoever_started_it_has_ended() -> None:
    """The system closes the input of a process when its parent ends, in whatever way."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "ftte_lab.deployment", "join", "-", "--name", "a"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=ENVIRONMENT,
    )
    assert process.stdin is not None
    process.stdin.write(NOWHERE.text().encode() + b"\n\n")
    process.stdin.close()
    assert process.wait(200) == 0


def test_a_process_that_ends_at_once_is_named() -> None:
    with Room(nodes=1) as room:
        process = subprocess.Popen([sys.executable, "-c", ""])
        process.wait()
        room.node_processes.processes["node-1"] = process
        with pytest.raises(DeploymentError, match="node-1 ended before it joined"):
            room.wait_for_nodes()


def test_a_node_imports_what_it_needs() -> None:
    """What only the server uses takes seconds and a third of a node's memory."""
    code = "import ftte_lab.deployment.__main__, sys; print(*sys.modules)"
    command = [sys.executable, "-P", "-c", code]
    answer = subprocess.run(  # noqa: S603
        command, env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=250
    )
    loaded = set(answer.stdout.split())
    assert {"torch", "ftte_lab.deployment.node"} <= loaded
    assert not loaded & {"pandas", "scipy", "sklearn", "requests", "altair", "ftte_lab.experiments"}


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("nonsense", "this is no join line; allowed: tcp://host:port/KEY/WORD"),
        ("tcp://127.0.0.1:9/short/green-tea", "a key of another form"),
        (NOWHERE.text().replace("green-tea", "a b"), "a word of another form"),
        (NOWHERE.text().replace("tcp:", "ipc:"), "an address of another form"),
    ],
)
def test_a_wrong_join_line_is_one_sentence(
    line: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["join", line]) == 2
    assert text in capsys.readouterr().err


def test_a_wrong_name_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["join", NOWHERE.text(), "--name", "two words"]) == 2
    assert "letters, digits, points and hyphens" in capsys.readouterr().err


def test_a_node_keeps_its_key_for_itself(tmp_path: Path) -> None:
    folder = tmp_path / "nodes"
    first = kept_secret("a", folder)
    assert kept_secret("a", folder) == first != kept_secret("b", folder)
    if os.name == "posix":
        assert (folder / "a.key").stat().st_mode & 0o077 == 0
    (folder / "a.key").write_bytes(b"cut off")
    with pytest.raises(ValueError, match="holds no key"):
        kept_secret("a", folder)
    with pytest.raises(ValueError, match=r"name = '\.\./a'"):
        kept_secret("../a", folder)


def test_a_secret_of_another_form_is_one_sentence() -> None:
    for secret in (b"short", b"\xff" * 40):
        with pytest.raises(ValueError, match="a secret key of another form"):
            ZmqNode(NOWHERE, secret)
