"""A class as the fleet: the page, its token, who joins late, who is taken out, a pause."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from ftte_lab.deployment.board import Board
from ftte_lab.deployment.classroom import Classroom, qr_picture
from ftte_lab.deployment.members import Members
from ftte_lab.deployment.messages import Job, Join, Message, Update, Welcome
from ftte_lab.deployment.records import Noticed, RealRun
from ftte_lab.deployment.runner import demonstration_scenario
from ftte_lab.deployment.shown_carrier import ShownCarrier, as_lines
from ftte_lab.deployment.wall import Wall
from ftte_lab.deployment.wall_page import PAGE
from ftte_lab.deployment.wire import to_frames
from ftte_lab.simulation import client_data
from tests.deployment.thread_nodes import FullRoom, ThreadNodes
from tests.tiny import TINY


def asked(address: str, path: str, body: str | None = None) -> tuple[int, bytes]:
    """Ask the server of a page, on this machine."""
    parts = urlsplit(address)
    line = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        line.request("GET" if body is None else "POST", path, body)
        answer = line.getresponse()
        return answer.status, answer.read()
    finally:
        line.close()


@pytest.fixture
def wall() -> Iterator[Wall]:
    wall = Wall(lambda: {"nodes": [], "version": 3})
    yield wall
    wall.close()


def test_the_page_needs_its_token(wall: Wall) -> None:
    query = urlsplit(wall.address).query
    assert wall.address.startswith("http://127.0.0.1:")
    for path in ("/", "/state", "/?token=", "/state?token=guess", "/?token=%ff"):
        assert asked(wall.address, path)[0] == 403
    assert asked(wall.address, "/do?token=guess", "start\n")[0] == 403
    assert wall.commands.empty()
    assert asked(wall.address, f"/?{query}") == (200, PAGE.encode())
    status, content = asked(wall.address, f"/state?{query}")
    assert (status, json.loads(content)["version"]) == (200, 3)
    assert asked(wall.address, f"/etc/passwd?{query}")[0] == 404


def test_the_page_asks_for_known_things_only(wall: Wall) -> None:
    query = urlsplit(wall.address).query
    assert asked(wall.address, f"/do?{query}", "kick\nada")[0] == 204
    assert wall.commands.get() == ("kick", "ada")
    for body in ("", "format", "x" * 2000):
        assert asked(wall.address, f"/do?{query}", body)[0] == 400
    assert wall.commands.empty()


def test_the_page_loads_nothing_from_elsewhere() -> None:
    assert "//" not in PAGE.replace("https://", "//").replace("<!doctype html>", "")
    assert "src=" not in PAGE


def test_the_board_counts_what_happens() -> None:
    board = Board()
    for what, node in (
        ("joined", "ada"),
        ("joined", "bob"),
        ("sent", "bob"),
        ("arrived", "bob"),
        ("sent", "bob"),
        ("wrong word", "?"),
        ("lost", "ada"),
    ):
        board.take(Noticed(what, node, -1, 1.0))
    bob, ada = board.state()["nodes"]
    assert (bob["name"], bob["state"], bob["jobs"], bob["updates"]) == ("bob", "trains", 2, 1)
    assert (ada["name"], ada["state"]) == ("ada", "lost")
    assert board.state()["news"][:2] == ["ada: lost", "?: wrong word"]


def test_after_a_run_nobody_trains_any_more(full_room: FullRoom) -> None:
    scenario = TINY.replace(clients=3, concurrency=3, buffer=2, horizon_s=60.0).as_method("ftte")
    board, last = Board(), None
    for last in full_room.room.free(scenario, seconds=0.5):
        board.take(last)
        if isinstance(last, RealRun):
            break
        states = {row.state for row in board.rows.values()}
    assert isinstance(last, RealRun)
    assert "trains" in states  # a buffer of two: the third node is still under way
    board.take(Noticed("lost", "node-1", -1, 1.0))
    board.take(last)
    shown = {row["name"]: row["state"] for row in board.state()["nodes"]}
    assert shown == {"node-1": "lost", "node-2": "waits", "node-3": "waits"}


class Line:
    """A carrier that keeps what is sent, and gives what is set."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.next: Message | None = None

    def receive(self, wait_s: float) -> Message | None:
        return self.next

    def send(self, message: Message) -> None:
        self.sent.append(message)

    def close(self) -> None:
        pass


def test_a_node_tells_what_it_sends_and_never_the_word() -> None:
    line, lines = Line(), list[str]()
    carrier = ShownCarrier(line, lines.append, speed=0.5)
    carrier.send(Join("green-tea", "ada"))
    carrier.send(Update(1, bytes(range(100))))
    assert line.sent == [Join("green-tea", "ada"), Update(1, bytes(range(100)))]
    assert not any("green-tea" in text for text in lines)
    assert lines[1:] == as_lines(Update(1, bytes(range(100))))
    assert "100 bytes" in lines[3]
    assert "00 01 02 03" in lines[3]
    assert carrier.sent_bytes == sum(
        len(frame) for message in line.sent for frame in to_frames(message)
    )
    line.next = Job(1, 0, 0, pace=(1.0, 2.0, 3.0))
    assert carrier.receive(0.0) == Job(1, 0, 0, pace=(2.0, 4.0, 6.0))
    with pytest.raises(ValueError, match="speed"):
        ShownCarrier(line, lines.append, speed=0.0)


def test_a_line_becomes_a_picture_or_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert qr_picture("tcp://a").startswith("<svg")
    monkeypatch.setitem(__import__("sys").modules, "segno", None)
    assert "pip install segno" in qr_picture("tcp://a")


def until(condition: Any) -> None:
    for _ in range(1500):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def test_a_class_joins_runs_pauses_loses_one_and_goes_on() -> None:
    """Three of four seats are taken; one node is taken out in mid-run, another one comes late."""
    scenario = TINY.replace(clients=4, concurrency=4, buffer=2, horizon_s=2e3)
    room = Classroom(scenario.as_method("ftte"), seconds=100.0, tell=lambda text: None)
    nodes = ThreadNodes(room.room.line)
    server = threading.Thread(target=room.serve)
    server.start()
    state = room.board.rows
    try:
        for name in ("ada", "bob", "cleo"):
            nodes.start(name)
        until(lambda: len(room.room.reception.members) == 3)
        room.wall.commands.put(("start", ""))
        until(lambda: room.board.version >= 0 and len(room.board.points) == 1)
        room.wall.commands.put(("kick", "bob"))
        nodes.start("late")
        until(lambda: nodes.reasons.get("bob") == "the server has taken this node out")
        until(lambda: "late" in room.board.rows)
        room.wall.commands.put(("pause", ""))
        until(lambda: room.room.reception.paused)
        until(lambda: not [one for one in room.board.rows.values() if one.state == "trains"])
        room.wall.commands.put(("go on", ""))
        until(lambda: not room.room.reception.paused)
        assert "running" in room._shown
        assert state is not room.board.rows  # each run begins a new board
    finally:
        room.wall.commands.put(("end", ""))
        server.join(30)
        room.close()
        nodes.ends.set()
        nodes.join()
    assert not server.is_alive()


def test_an_address_that_nobody_can_reach_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"host = '0\.0\.0\.0'; allowed: an address"):
        Classroom(TINY.replace(clients=4, concurrency=4), host="0.0.0.0")  # noqa: S104


def test_a_node_gets_the_person_that_it_asks_for_if_nobody_else_has_it() -> None:
    members = Members(3, "green-tea")
    assert members.join("ada", "key-1", 0.0, wish=2).seat == 2
    assert members.join("bob", "key-2", 0.0, wish=2).seat == 0
    assert members.join("cleo", "key-3", 0.0, wish=7).seat == 1
    members.leave("ada")
    assert members.join("ada", "key-1", 1.0).seat == 2  # it comes back to its own
    members.leave("bob")
    assert members.join("ada", "key-1", 2.0, wish=0).seat == 0
    assert members.join("bob", "key-2", 2.0).seat == 2


def test_a_node_reads_whom_it_plays() -> None:
    line, lines = Line(), list[str]()
    line.next = Welcome("{}", (3,))
    ShownCarrier(line, lines.append).receive(0.0)
    assert lines == ["a run begins: you play person 3"]


def test_with_motion_each_node_has_a_person_of_its_own() -> None:
    scenario = demonstration_scenario(5, data="motion")
    data, shards = client_data(scenario)
    assert data.train_person is not None
    assert [set(data.train_person[own].tolist()) for own in shards.train] == [{k} for k in range(5)]
    assert demonstration_scenario(5).data == "digits"
