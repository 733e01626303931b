"""Bytes on the wire are the computed ones, and a slow link is slow."""

import time

import pytest

from ftte_lab.deployment.counting_proxy import CountingProxy
from ftte_lab.deployment.join_line import JoinLine
from ftte_lab.deployment.messages import Beat, Bye, Message, Update
from ftte_lab.deployment.wire import to_frames
from ftte_lab.deployment.zmq_carrier import ZmqNode, ZmqServer, framed_bytes

WORD = "green-tea"
SIZES = (0, 1, 100, 222, 223, 255, 256, 10_000, 200_000)


class Ends:
    """A server and a node, with the proxy between them."""

    def __init__(self, **speeds: float) -> None:
        self.server = ZmqServer()
        line = JoinLine(self.server.address, self.server.key, WORD)
        self.proxy = CountingProxy(line, **speeds)
        self.node = ZmqNode(self.proxy.line)

    def up(self, message: Message) -> str:
        self.node.send(message)
        for _ in range(100):
            for heard in self.server.receive(0.3):
                assert heard.message == message
                return heard.key
        raise AssertionError("nothing came")

    def down(self, key: str, message: Message) -> int:
        framed = self.server.send(key, message)
        assert self.node.receive(30.0) == message
        return framed

    def close(self) -> None:
        self.node.close()
        self.proxy.close()
        self.server.close()


def test_the_bytes_on_the_wire_are_the_computed_ones() -> None:
    ends = Ends()
    try:
        key = ends.up(Beat())
        for size in SIZES:
            message = Update(1, bytes(size))
            before = ends.proxy.wire.up
            ends.up(message)
            assert ends.proxy.wire.up - before == framed_bytes(to_frames(message)), size
            before = ends.proxy.wire.down
            answer = Bye("x" * size)
            framed = ends.down(key, answer)
            assert ends.proxy.wire.down - before == framed, size
        assert ends.proxy.wire.connections == 1
    finally:
        ends.close()


def test_a_slow_link_takes_at_least_its_time() -> None:
    ends = Ends(uplink_bps=8e5)
    try:
        ends.up(Beat())
        begin = time.monotonic()
        ends.up(Update(1, bytes(50_000)))  # 0.5 s at 100 kB/s
        assert time.monotonic() - begin >= 0.4
    finally:
        ends.close()


def test_wrong_links_are_refused_in_words() -> None:
    line = JoinLine("tcp://127.0.0.1:9", bytes(32), WORD)
    with pytest.raises(ValueError, match="uplink_bps = 0"):
        CountingProxy(line, uplink_bps=0.0)
    with pytest.raises(ValueError, match=r"a server on 192\.168\.1\.2"):
        CountingProxy(JoinLine("tcp://192.168.1.2:9", bytes(32), WORD))
