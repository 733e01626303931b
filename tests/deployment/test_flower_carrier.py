"""The Flower carrier without Flower: its logic against a small stand-in for the grid."""

import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab import Scenario, prepare
from ftte_lab.deployment import RealRun, follow_run, open_room, run_digest
from ftte_lab.deployment.__main__ import main
from ftte_lab.deployment.carrier import Heard
from ftte_lab.deployment.flower import programs
from ftte_lab.deployment.flower.carrier import FlowerServer
from ftte_lab.deployment.flower.door import Door
from ftte_lab.deployment.flower.grid import Reply
from ftte_lab.deployment.flower.letters import Letters, from_blob, to_blob
from ftte_lab.deployment.flower.processes import processes_under
from ftte_lab.deployment.flower.trainer import FlowerNode
from ftte_lab.deployment.messages import Again, Beat, Bye, Job, Join, Left, Update, Welcome
from ftte_lab.deployment.wire import WireError
from ftte_lab.simulation import Finished, simulate
from tests.deployment.flower_stand_in import WORD, FakeGrid, StandInRoom
from tests.tiny import TINY

ROOT = Path(__file__).parents[2]
JOIN, WELCOME = Join(WORD, "ada"), Welcome("{}", (0,))
SMALL = TINY.replace(clients=6, concurrency=3)
CASES: dict[str, tuple[Scenario, str]] = {
    "fedavg": (SMALL, "fedavg"),
    "fedbuff": (SMALL.replace(horizon_s=36.0), "fedbuff"),
    "ftte": (SMALL.replace(horizon_s=8.0, payload_bits=8, micro_batch=2), "ftte"),
}
posix = pytest.mark.skipif(sys.platform == "win32", reason="Flower is not made for Windows")


class Table:
    """A server whose clock is set by the test."""

    def __init__(self, *nodes: int) -> None:
        self.now = 100.0
        self.grid = FakeGrid(*nodes)
        self.server = FlowerServer(self.grid, lambda: self.now, lambda seconds: None)

    def hear(self, *replies: Reply) -> list[Heard]:
        self.grid.replies += replies
        self.now += 2.0
        return self.server.receive(0.1)

    def sent(self) -> list[list[Any]]:
        return [list(from_blob(blob).messages) for _, _, blob in self.grid.pushed]

    def joined(self, node: int, key: str = "k") -> None:
        """Let a node answer its newest greeting."""
        [name] = [name for name, to, _ in self.grid.pushed if to == node][-1:]
        self.hear(said(name, JOIN, key=key))


def said(to: str, *messages: Any, key: str = "k", created_s: float = 0.0) -> Reply:
    return Reply(to, created_s, "", to_blob(Letters(messages, key)), 10)


def test_a_new_node_is_greeted_once_and_answers_with_its_join() -> None:
    table = Table(7)
    assert table.hear() == []
    assert table.hear() == []
    assert table.sent() == [[]]
    assert table.hear(said("m0", JOIN)) == [Heard("k", JOIN, 10)]
    assert table.hear() == [Heard("k", Beat())]


def test_a_welcome_travels_with_the_first_job_only() -> None:
    table = Table(7)
    table.hear()
    table.joined(7)
    assert table.server.send("k", WELCOME) == 0
    assert table.server.send("k", Job(1, 0, 0)) > 0
    table.server.send("k", Job(2, 0, 1))
    assert table.sent()[1:] == [[WELCOME, Job(1, 0, 0)], [Job(2, 0, 1)]]
    assert table.server.send("nobody", Job(3, 0, 2)) == 0


def test_replies_come_in_the_order_in_which_they_were_written() -> None:
    table = Table(1, 2, 3)
    table.hear()
    for node in (1, 2, 3):
        table.joined(node, f"k{node}")
        table.server.send(f"k{node}", Job(node, 0, 0))
    late, soon, middle = (
        said(f"m{2 + n}", Update(n, b""), key=f"k{n}", created_s=at)
        for n, at in ((1, 9.0), (2, 4.0), (3, 5.0))
    )
    heard = [one for one in table.hear(late, soon, middle) if isinstance(one.message, Update)]
    assert [one.key for one in heard] == ["k2", "k3", "k1"]


def test_a_node_that_leaves_the_list_has_left() -> None:
    table = Table(7)
    table.hear()
    table.joined(7)
    table.grid.there.clear()
    assert table.hear() == [Heard("k", Left())]
    assert table.hear() == []
    assert table.server.send("k", Job(1, 0, 0)) == 0


def test_a_failed_message_voids_the_job_and_the_node_may_join_again() -> None:
    table = Table(7)
    table.hear()
    table.joined(7)
    table.server.send("k", Job(1, 0, 0))
    heard = table.hear(Reply("m1", 0.0, "8: ClientApp stopped responding"))
    assert heard == [Heard("k", Beat()), Heard("k", Left())]
    table.hear()
    assert table.sent()[2:] == [[]]
    table.joined(7)
    assert table.server.send("k", Job(2, 0, 0)) > 0


def test_a_node_that_comes_back_is_another_node_with_the_same_key() -> None:
    table = Table(7)
    table.hear()
    table.joined(7)
    table.server.send("k", Job(1, 0, 0))
    table.grid.there = {7, 8}
    table.hear()
    table.joined(8)
    table.server.send("k", Job(2, 0, 0))
    assert table.grid.pushed[-1][1] == 8
    assert table.hear(Reply("m1", 0.0, "5: node unavailable")) == [Heard("k", Beat())]
    table.hear()
    assert table.server.send("k", Job(3, 0, 0)) > 0


def test_again_is_a_new_greeting_and_bye_is_the_last_word() -> None:
    table = Table(7)
    table.hear()
    table.joined(7)
    table.server.send("k", Again())
    table.hear()
    assert table.sent() == [[], []]
    table.joined(7)
    table.server.send("k", Bye("out"))
    assert table.hear() == table.hear() == []
    assert table.sent() == [[], []]
    table.server.close()
    assert table.grid.closed


def test_what_is_no_answer_is_unreadable() -> None:
    table = Table(7)
    table.hear()
    table.joined(7)
    for number, reply in enumerate(
        [
            Reply("m1", 0.0, "", b"garbage", 3),
            said("m2", Update(1, b""), key="another key"),
            said("m3", Update(1, b""), Update(2, b"")),
            said("m4"),
        ],
        start=1,
    ):
        table.server.send("k", Job(number, 0, 0))
        heard = [one for one in table.hear(reply) if not isinstance(one.message, Beat)]
        assert [(one.key, one.message) for one in heard] == [("k", None)]
    assert [one.message for one in table.hear(said("m99", JOIN))] == [Beat()]


@given(st.binary(max_size=80))
def test_garbage_is_no_letters(blob: bytes) -> None:
    for content in (blob, b'{"key": "", "frames": [[2]]}\n' + blob):
        with pytest.raises(WireError):
            from_blob(content)


@pytest.mark.parametrize(
    "head",
    [
        '{"key": 3, "frames": []}',
        '{"key": "", "frames": [[], [], []]}',
        '{"key": "", "frames": [[-1]]}',
        '{"key": "", "frames": [[0, 0, 0, 0, 0, 0]]}',
        '{"key": "%s", "frames": []}' % ("k" * 81),
        "[]",
    ],
)
def test_heads_of_another_form_are_refused(head: str) -> None:
    with pytest.raises(WireError):
        from_blob(head.encode() + b"\n")


# The trainer.


@pytest.fixture
def node(tmp_path: Path) -> Iterator[FlowerNode]:
    made = FlowerNode(Door(tmp_path / "door"), "k")
    made.send(JOIN)
    yield made
    made.close()


class App:
    """A ClientApp: it hands over letters and waits."""

    def __init__(self, door: Path, *messages: Any) -> None:
        self.connection = Client(str(door), "AF_UNIX")
        self.connection.send_bytes(to_blob(Letters(messages)))

    def answer(self) -> list[Any]:
        assert self.connection.poll(10.0)
        return list(from_blob(self.connection.recv_bytes()).messages)


@posix
def test_a_greeting_is_answered_at_once(node: FlowerNode, tmp_path: Path) -> None:
    app = App(tmp_path / "door")
    assert node.receive(5.0) is None
    assert app.answer() == [JOIN]


@posix
def test_a_job_that_comes_twice_is_done_once(node: FlowerNode, tmp_path: Path) -> None:
    first = App(tmp_path / "door", WELCOME, Job(1, 0, 0))
    assert [node.receive(5.0), node.receive(0.0)] == [WELCOME, Job(1, 0, 0)]
    again = App(tmp_path / "door", WELCOME, Job(1, 0, 0))
    assert node.receive(5.0) is None
    with pytest.raises(EOFError):
        first.answer()
    node.send(Beat())
    node.send(Update(1, b"abc"))
    assert again.answer() == [Update(1, b"abc")]
    later = App(tmp_path / "door", WELCOME, Job(1, 0, 0))
    assert node.receive(5.0) is None
    assert later.answer() == [Update(1, b"abc")]


@posix
def test_an_app_that_is_gone_or_writes_garbage_hurts_nobody(
    node: FlowerNode, tmp_path: Path
) -> None:
    with Client(str(tmp_path / "door"), "AF_UNIX") as app:
        app.send_bytes(b"garbage")
        assert node.receive(5.0) is None
    Client(str(tmp_path / "door"), "AF_UNIX").close()
    assert node.receive(5.0) is None
    gone = App(tmp_path / "door", Job(1, 0, 0))
    assert node.receive(5.0) == Job(1, 0, 0)
    gone.connection.close()
    node.send(Update(1, b"abc"))
    assert App(tmp_path / "door").connection


@posix
def test_a_long_path_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"up to 100 bytes\. Set TMPDIR to a shorter folder\."):
        Door(tmp_path / ("long" * 30))


# The whole loop.


@posix
@pytest.mark.parametrize("name", CASES)
def test_the_carrier_gives_the_simulated_model_and_history(name: str) -> None:
    scenario, method = CASES[name]
    prepared = prepare(scenario.as_method(method))
    *_, expected = simulate(prepared, processes=1)
    assert isinstance(expected, Finished)
    with StandInRoom(nodes=3) as room:
        real = follow_run(room.locked(prepared), prepared)
    assert real.digest() == run_digest(expected.params, expected.history)
    assert len(real.history.points) >= 3
    assert real.counts.get("unreadable", 0) == 0


@posix
def test_a_node_that_is_cut_off_comes_back_and_changes_no_bit() -> None:
    scenario, method = CASES["ftte"]
    prepared = prepare(scenario.as_method(method))
    *_, expected = simulate(prepared, processes=1)
    assert isinstance(expected, Finished)
    with StandInRoom(nodes=3) as room:
        seen: list[str] = []
        for event in room.locked(prepared):
            if getattr(event, "what", "") == "arrived" and not seen:
                room.cut(2)
                seen.append("cut")
            if getattr(event, "what", "") == "left" and seen == ["cut"]:
                room.grid.there.discard(2)
                assert room.add("node-2") == 4
                seen.append("back")
            if isinstance(event, RealRun):
                assert event.digest() == run_digest(expected.params, expected.history)
                assert seen == ["cut", "back"]
                assert "lost" in set(event.jobs["outcome"])


@posix
def test_real_arrivals_fill_a_buffer_of_exactly_k() -> None:
    scenario = SMALL.replace(clients=3, buffer=2, horizon_s=20.0).as_method("fedbuff")
    prepared = prepare(scenario)
    with StandInRoom(nodes=3) as room:
        real = follow_run(room.free(prepared, seconds=4.0), prepared)
    timeline = real.measured.timeline
    assert len(timeline.step_s) >= 1
    assert all(len(timeline.buffer_of(k)) == 2 for k in range(len(timeline.step_s)))


# The programs.


def test_missing_flower_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("FTTE_FLOWER", str(tmp_path))
    with pytest.raises(ValueError, match="Flower is not installed") as caught:
        open_room(2, "flower")
    assert str(caught.value) == (
        "Flower is not installed; allowed: flwr 1.42.0. Run `pip install flwr==1.42.0` in an "
        "environment of its own, and set FTTE_FLOWER to its folder."
    )
    assert main(["show", "--carrier", "flower"]) == 2
    assert "Flower is not installed" in capsys.readouterr().err


@posix
def test_another_version_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "flower-superlink").touch()
    python = tmp_path / "bin" / "python"
    python.write_text("#!/bin/sh\necho 1.43.0\n")
    python.chmod(0o755)
    monkeypatch.setenv("FTTE_FLOWER", str(tmp_path))
    with pytest.raises(ValueError, match=r"flwr 1\.43\.0; allowed: flwr 1\.42\.0, the one that"):
        open_room(2, "flower")


def test_windows_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ValueError, match="Flower on Windows; allowed: Linux and macOS"):
        open_room(2, "flower")


def test_unknown_carriers_are_refused() -> None:
    with pytest.raises(ValueError, match="carrier = 'pigeon' is not known; allowed: zmq, flower"):
        open_room(2, "pigeon")


def test_one_version_of_flower_is_named_everywhere() -> None:
    pin = f"flwr=={programs.FLWR_VERSION}"
    wishes = (ROOT / "requirements-flower.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in wishes if not line.startswith("#")] == [pin]
    app = ROOT / "ftte_lab" / "deployment" / "flower" / "app" / "pyproject.toml"
    assert tomllib.loads(app.read_text(encoding="utf-8"))["project"]["dependencies"] == [pin]


def test_nothing_is_reported_looked_up_or_installed(tmp_path: Path) -> None:
    found = programs.settings(tmp_path, tmp_path / "home")
    assert found["FLWR_TELEMETRY_ENABLED"] == "0"
    assert found["FLWR_DISABLE_UPDATE_CHECK"] == "1"
    assert found["FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION"] == "1"
    assert found["FLWR_HOME"] == str(tmp_path / "home")
    assert found["PATH"].startswith(str(tmp_path))


STARTS_A_PROGRAM = """
import os, sys, time
from pathlib import Path
from ftte_lab.deployment.flower.processes import Kept
shell = "sleep 300 & sleep 300 & trap '' TERM; wait"
kept = Kept(["sh", "-c", shell], dict(os.environ), Path(sys.argv[1]), "program")
print(kept.process.pid, flush=True)
time.sleep(300)
"""


def gone(process: int, limit_s: float = 30.0) -> bool:
    """Wait until a process has ended, or is only a zombie that nobody has waited for."""
    until = time.monotonic() + limit_s
    while processes_under(process) and time.monotonic() < until:
        threading.Event().wait(0.1)
    return not processes_under(process)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are not listed here")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_program_ends_with_whoever_started_it(how: signal.Signals, tmp_path: Path) -> None:
    """Even one that does not listen, with all that it has started."""
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", STARTS_A_PROGRAM, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    ) as starter:
        assert starter.stdout is not None
        keeper = int(starter.stdout.readline())
        until = time.monotonic() + 20.0
        while len(processes_under(keeper)) < 4 and time.monotonic() < until:
            threading.Event().wait(0.1)
        there = processes_under(keeper)
        assert len(there) == 4
        starter.send_signal(how)
        starter.wait()
    assert all(gone(process) for process in there)
