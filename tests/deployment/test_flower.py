"""The Flower carrier over Flower itself, its programs as they are shipped.

These tests run where Flower is installed: beside this Python, or in the environment that
`FTTE_FLOWER` names; if it names one without Flower, they fail. Elsewhere the same loops run over a
stand-in: `test_flower_carrier.py`.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftte_lab import prepare
from ftte_lab.deployment import RealRun, Room, follow_run, open_room, run_digest
from ftte_lab.deployment.flower.processes import processes_under
from ftte_lab.deployment.flower.programs import flower_programs
from ftte_lab.deployment.flower.room import FlowerRoom
from ftte_lab.simulation import Finished, Stepped, simulate
from tests.deployment.test_flower_carrier import CASES, SMALL, gone

ROOT = Path(__file__).parents[2]


def why_not() -> str:
    try:
        flower_programs()
    except ValueError as error:
        return str(error)
    return ""


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(why_not()) and "FTTE_FLOWER" not in os.environ,
        reason=f"Not over Flower itself: {why_not()}",
    ),
]


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    with open_room(3, "flower") as opened:
        opened.start_nodes()
        opened.wait_for_nodes()
        yield opened


@pytest.mark.parametrize("name", CASES)
def test_flower_gives_the_simulated_model_and_history(name: str, room: Room) -> None:
    scenario, method = CASES[name]
    prepared = prepare(scenario.as_method(method))
    *_, expected = simulate(prepared, processes=1)
    assert isinstance(expected, Finished)
    real = follow_run(room.locked(prepared), prepared)
    assert real.digest() == run_digest(expected.params, expected.history)
    assert real.jobs["node"].nunique() == 3
    arrived = real.jobs[real.jobs["outcome"] == "buffered"]
    assert (arrived["framed_up_bytes"] > arrived["payload_up_bytes"]).all()


def test_a_killed_node_loses_only_its_update_and_comes_back(room: Room) -> None:
    prepared = prepare(CASES["ftte"][0].as_method("ftte"))
    *_, expected = simulate(prepared, processes=1)
    assert isinstance(expected, Finished)
    killed = False
    for event in room.locked(prepared):
        if isinstance(event, Stepped) and not killed:
            room.node_processes.kill("node-2")
            killed = True
        if isinstance(event, RealRun):
            assert event.digest() == run_digest(expected.params, expected.history)
            joined = event.events[event.events["what"] == "joined"]
            assert set(joined["node"]) == {"node-2"}


def test_real_arrivals_fill_a_buffer_of_exactly_k(room: Room) -> None:
    scenario = SMALL.replace(clients=3, buffer=2, horizon_s=20.0).as_method("fedbuff")
    prepared = prepare(scenario)
    real = follow_run(room.free(prepared, seconds=40.0), prepared)
    timeline = real.measured.timeline
    assert len(timeline.step_s) >= 1
    assert all(len(timeline.buffer_of(k)) == 2 for k in range(len(timeline.step_s)))


def listening(keeper: int) -> set[str]:
    """Return the addresses, as the system writes them, on which a program and its own listen."""
    open_here = set()
    for process in processes_under(keeper):
        for file in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(OSError):
                open_here.add(os.readlink(file))
    found = set()
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in open_here:
                found.add(fields[1].partition(":")[0])
    return found


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="sockets are not listed here")
def test_only_this_machine_reaches_flower(room: FlowerRoom) -> None:
    assert room.link is not None
    kept = [room.link, *room.node_processes.nodes.values()]  # type: ignore[attr-defined]
    assert [listening(one.process.pid) for one in kept] == [{"0100007F"}] * 4


OPENS_A_ROOM = """
import os, threading
from ftte_lab.deployment.flower.processes import processes_under
from ftte_lab.deployment.flower.room import FlowerRoom
room = FlowerRoom(2)
room.start_nodes()
room.wait_for_nodes()
print(*processes_under(os.getpid())[1:], flush=True)
threading.Event().wait(300)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are not listed here")
def test_nothing_is_left_when_the_server_is_killed() -> None:
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", OPENS_A_ROOM],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    ) as starter:
        assert starter.stdout is not None
        there = [int(process) for process in starter.stdout.readline().split()]
        starter.send_signal(signal.SIGKILL)
        starter.wait()
    # Of SuperLink: keeper, itself, its SuperExec, the ServerApp. Of each node: one less, a trainer.
    assert len(there) >= 12
    assert all(gone(process) for process in there)


def test_a_closed_room_leaves_neither_process_nor_folder() -> None:
    room = FlowerRoom(1)
    folder = room.folder
    with room:
        assert folder.is_dir()
        assert room.link is not None
        there = processes_under(room.link.process.pid)
        assert len(there) >= 4  # keeper, SuperLink, its SuperExec, the ServerApp
    assert not folder.exists()
    assert all(gone(process) for process in there)
