"""Whatever a node sends, the server goes on; whoever is not invited is not heard."""

import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import pytest
import torch
import zmq
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab import prepare
from ftte_lab.deployment import JoinLine, RealRun, Room, run_digest
from ftte_lab.deployment.carrier import Heard
from ftte_lab.deployment.members import OUT, Members
from ftte_lab.deployment.messages import (
    Again,
    Beat,
    Bye,
    Job,
    Join,
    Left,
    Message,
    Update,
    Welcome,
)
from ftte_lab.deployment.payloads import Payloads
from ftte_lab.deployment.reception import Reception
from ftte_lab.deployment.wire import to_frames
from ftte_lab.deployment.zmq_carrier import ZmqNode, ZmqServer, new_secret, zmq_module
from ftte_lab.simulation import Finished, simulate
from tests.deployment.thread_nodes import FullRoom, ThreadNodes
from tests.tiny import TINY

PREPARED = prepare(TINY.as_method("ftte"))
WORD = "green-tea"


class Stage:
    """A carrier without a network: what is heard is set, what is sent is kept."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.sent: list[tuple[str, Message]] = []

    def receive(self, wait_s: float) -> list[Heard]:
        heard, self.heard = self.heard, []
        return heard

    def send(self, name: str, message: Message) -> int:
        self.sent.append((name, message))
        return 1

    def close(self) -> None:
        pass


def reception(seats: int = 2, lost_s: float = 10.0) -> tuple[Reception, Stage]:
    stage = Stage()
    return Reception(stage, Members(seats, WORD), lost_s), stage


def hear(found: Reception, stage: Stage, name: str, *messages: Message | None) -> list[str]:
    stage.heard = [Heard(name, message) for message in messages]
    return [incident.what for incident in found.receive(0.0)]


def test_strangers_get_no_answer() -> None:
    found, stage = reception()
    strange: list[Message | None] = [
        Beat(),
        Update(0, b""),
        Join("red-tea", "a"),
        Join("", "a"),
        None,
        Left(),
    ]
    assert hear(found, stage, "a", *strange) == [
        "not a member",
        "not a member",
        "wrong word",
        "wrong word",
        "unreadable",
        "not a member",
    ]
    assert stage.sent == []


def test_a_word_of_any_letters_is_compared() -> None:
    found, stage = reception()
    assert hear(found, stage, "a", Join("grün\ud800", "a")) == ["wrong word"]


def test_a_node_that_was_given_up_is_asked_to_join_again() -> None:
    found, stage = reception(lost_s=0.0)
    assert hear(found, stage, "a", Join(WORD, "a")) == ["joined"]
    time.sleep(0.002)
    assert [one.what for one in found.give_up(lambda name: 0.0)] == ["lost"]
    stage.sent.clear()
    hear(found, stage, "a", Beat())
    assert stage.sent == [("a", Again())]


def test_silence_is_allowed_as_long_as_the_job_takes() -> None:
    found, stage = reception(lost_s=0.0)
    hear(found, stage, "a", Join(WORD, "a"))
    time.sleep(0.002)
    assert found.give_up(lambda name: 1000.0) == []


def test_seats_are_few_and_a_name_keeps_its_own() -> None:
    members = Members(2, WORD)
    assert [members.join(name, name, 0.0).seat for name in ("a", "b")] == [0, 1]
    assert members.refusal("c", WORD, "c") == "all 2 seats are taken"
    assert members.refusal("a", WORD, "a") is None
    members.leave("a")
    members.leave("b")
    assert members.join("b", "b", 0.0).seat == 1
    assert members.join("c", "c", 0.0).seat == 0
    assert members.refusal("a", WORD, "a") == "all 2 seats are taken"


def test_a_name_belongs_to_the_key_that_took_it_first() -> None:
    """Who knows the word can neither take another node's name nor speak, or end it, in its name."""
    found, stage = reception()
    assert hear(found, stage, "key-1", Join(WORD, "a")) == ["joined"]
    stage.sent.clear()
    other = "the name a belongs to another key; choose another name"
    assert hear(found, stage, "key-2", Join(WORD, "a")) == [other]
    assert stage.sent == [("key-2", Bye(other))]
    assert hear(found, stage, "key-2", Update(0, b""), Left()) == ["not a member"] * 2
    assert "a" in found.members
    assert hear(found, stage, "key-1", Join(WORD, "b")) == [
        "the name b belongs to another key; choose another name"
    ]
    found.members.leave("a")
    assert hear(found, stage, "key-2", Join(WORD, "a")) == [other]
    assert hear(found, stage, "key-2", Join(WORD, "b"), Join(WORD, "b")) == ["joined", "joined"]
    assert hear(found, stage, "key-1", Join(WORD, "a")) == ["joined"]


def test_whoever_knows_the_word_is_refused_in_words() -> None:
    found, stage = reception(seats=1)
    hear(found, stage, "a", Join(WORD, "a"))
    stage.sent.clear()
    hear(found, stage, "b", Join(WORD, "b"), Join(WORD, "two words"))
    reasons = [message.reason for _, message in stage.sent if isinstance(message, Bye)]
    assert reasons == [
        "all 1 seats are taken",
        "a name of another form; allowed: letters, digits, points and hyphens",
    ]


def test_a_node_that_was_taken_out_stays_out() -> None:
    found, stage = reception()
    hear(found, stage, "a", Join(WORD, "a"))
    stage.sent.clear()
    found.kick("nobody")
    found.kick("a")
    assert stage.sent == [("a", Bye(OUT))]
    assert [one.what for one in found.receive(0.0)] == ["left"]
    assert hear(found, stage, "a", Join(WORD, "a")) == [OUT]
    assert len(found.members) == 0


@cache
def several_payloads() -> tuple[Payloads, ...]:
    base = TINY.as_method("ftte")
    forms = ((32, True), (8, True), (8, False))
    scenarios = [base.replace(payload_bits=bits, payload_names=names) for bits, names in forms]
    return tuple(Payloads(prepare(scenario)) for scenario in scenarios)


@given(st.binary(max_size=200))
def test_any_bytes_as_an_update_are_refused_in_words_or_read(payload: bytes) -> None:
    for payloads in several_payloads():
        with pytest.raises(ValueError, match=r"."):
            payloads.update(0, payload)


def damaged(payload: bytes, data: st.DataObject) -> bytes:
    out = bytearray(payload)
    for _ in range(data.draw(st.integers(1, 4))):
        out[data.draw(st.integers(0, len(out) - 1))] = data.draw(st.integers(0, 255))
    return bytes(out[: data.draw(st.integers(0, len(out)) | st.just(len(out)))])


@given(st.data())
def test_a_damaged_update_is_refused_in_words_or_has_the_right_shape(data: st.DataObject) -> None:
    payloads = several_payloads()[0]
    entries = PREPARED.plan.subset.entries(PREPARED.federation.model)
    good = payloads._formats.up[0].pack(torch.ones(entries))
    try:
        row = payloads.update(0, damaged(good, data))
    except ValueError:
        return
    assert row.shape == (entries,)
    assert row.dtype == torch.float32


class Attacker:
    """A node that knows the word and does not keep to the rules."""

    def __init__(self, line: JoinLine, name: str) -> None:
        self.secret = new_secret()
        self.carrier = ZmqNode(line, self.secret)
        self.carrier.send(Join(line.word, name))
        self.raw, self.closed = self.carrier._socket, False

    def close(self) -> None:
        self.carrier.close()
        self.closed = True

    def until(self, kind: type[Any]) -> Any:
        for _ in range(600):
            message = self.carrier.receive(0.1)
            if isinstance(message, kind):
                return message
        raise AssertionError(f"no {kind.__name__} came")

    def send(self, frames: Sequence[bytes]) -> None:
        self.raw.send_multipart(list(frames))


@pytest.fixture
def two_of_three() -> Iterator[FullRoom]:
    """A room with three seats, of which two are taken."""
    full = FullRoom(nodes=3)
    full.nodes.start("node-1")
    full.nodes.start("node-2")
    with_room: Any = full
    try:
        while len(full.room.reception.members) < 2:
            full.room.idle()
        yield full
    finally:
        with_room.__exit__(None, None, None)


def test_a_run_goes_on_whatever_a_member_sends(two_of_three: FullRoom) -> None:
    """A member sends garbage, wrong numbers, wrong payloads and duplicates, then the truth."""
    room = two_of_three.room
    *_, expected = simulate(PREPARED, processes=1)
    assert isinstance(expected, Finished)
    attacker = Attacker(room.line, "node-3")
    room.wait_for_nodes()
    sent = False
    for event in room.locked(PREPARED):
        if isinstance(event, RealRun):
            assert event.digest() == run_digest(expected.params, expected.history)
            assert event.counts["unreadable"] >= 3
            assert event.counts["late"] >= 1
            assert event.counts["not for a server"] >= 2
            continue
        if not sent and getattr(event, "node", "") == "node-3" and event.what == "sent":  # type: ignore[union-attr]
            sent = True
            job = attacker.until(Job)
            attacker.send([b""])
            attacker.send([b"{", b"1"])
            attacker.send([b"[" * 100_000])
            attacker.send([bytes(1000)] * 6)
            attacker.carrier.send(Welcome("{}", (1,)))
            attacker.carrier.send(job)
            attacker.carrier.send(Update(job.number + 999, b"late"))
            attacker.carrier.send(Update(job.number, b"no update"))
        elif getattr(event, "what", "") == "void" and not attacker.closed:
            # All that was sent has been read: its job is void because of the last message.
            attacker.close()
            two_of_three.nodes.secrets["node-3"] = attacker.secret
            two_of_three.nodes.start("node-3")
    assert sent


def test_updates_that_are_not_finite_are_counted_by_the_intake(two_of_three: FullRoom) -> None:
    """Well formed and useless: the intake of the server refuses it, and the run goes on."""
    room = two_of_three.room
    attacker = Attacker(room.line, "node-3")
    room.wait_for_nodes()
    small = prepare(TINY.replace(clients=3, concurrency=3, buffer=3, max_updates=9, horizon_s=1e4))
    entries = small.plan.subset.entries(small.federation.model)
    bad = Payloads(small)._formats.up[0].pack(torch.full((entries,), float("nan")))
    for event in room.free(small, seconds=1e4, throttle=False):
        if isinstance(event, RealRun):
            assert event.history.facts["rejected_updates"]["not finite"] >= 1
            assert all(bool(value.isfinite().all()) for value in event.params.values())
        elif getattr(event, "what", "") == "sent" and event.node == "node-3":  # type: ignore[union-attr]
            job = attacker.until(Job)
            attacker.carrier.send(Update(job.number, bad))
    attacker.carrier.close()


def test_other_keys_and_other_words_are_never_heard() -> None:
    with Room(nodes=1) as room:
        wrong_key = JoinLine(room.line.address, bytes(range(32)), room.line.word)
        nodes = ThreadNodes(wrong_key)
        nodes.start("other-key", patience_s=1.5)
        nodes.line = room.line
        nodes.start("other-word", patience_s=1.5, word="guess")
        context = zmq.Context()
        plain = context.socket(zmq.DEALER)  # a client that does not encrypt
        plain.connect(room.line.address)
        plain.send_multipart(to_frames(Join(room.line.word, "plain")))
        while any(thread.is_alive() for thread in nodes.threads):
            room.idle()
        context.destroy(linger=0)
        assert set(nodes.reasons.values()) == {"no answer from the server for 1.5 s"}
        assert len(room.reception.members) == 0
        assert set(room.reception.counts) <= {"wrong word", "not a member"}
        assert room.reception.counts["wrong word"] >= 1


def test_the_network_proves_the_key_of_a_node() -> None:
    """A thief with the word and the name is heard under a key of its own; the owner goes on."""
    with FullRoom(nodes=1) as full:
        room = full.room
        thief = ZmqNode(room.line)
        for message in (Join(room.line.word, "node-1"), Left(), Update(0, b"")):
            thief.send(message)
        answer = None
        while answer is None:
            room.idle()
            answer = thief.receive(0.0)
        thief.close()
        assert answer == Bye("the name node-1 belongs to another key; choose another name")
        while room.reception.counts["not a member"] < 2:
            room.idle()
        assert set(room.reception.members.present) == {"node-1"}
        again = ZmqNode(room.line, full.nodes.secrets["node-1"])
        again.send(Beat())  # another connection of the same key: it is the same node
        answer = None
        while answer is None:
            room.idle()
            answer = again.receive(0.0)
        again.close()
        assert answer == Beat()


def test_a_frame_that_is_too_long_cuts_its_sender_off() -> None:
    server = ZmqServer(most_bytes=10_000)
    try:
        node = ZmqNode(JoinLine(server.address, server.key, WORD))
        node.send(Update(1, bytes(20_000)))
        assert server.receive(0.5) == []
        node.close()
    finally:
        server.close()


def test_the_server_listens_to_this_machine_alone_unless_it_is_asked() -> None:
    with Room(nodes=1) as room:
        assert room.line.address.startswith("tcp://127.0.0.1:")


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "zmq", None)
    with pytest.raises(
        ValueError, match=r"ZeroMQ is not installed; .*pip install 'ftte_lab\[real\]'"
    ):
        zmq_module()


def test_a_port_that_is_taken_is_named() -> None:
    with Room(nodes=1) as room:
        port = int(room.line.address.rpartition(":")[2])
        with pytest.raises(ValueError, match=f"cannot listen on 127.0.0.1, port {port}"):
            Room(nodes=1, port=port)
