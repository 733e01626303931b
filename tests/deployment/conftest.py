"""A room with three nodes, for all tests that change nothing of it."""

from collections.abc import Iterator

import pytest

from tests.deployment.thread_nodes import FullRoom


@pytest.fixture(scope="package")
def full_room() -> Iterator[FullRoom]:
    with FullRoom(nodes=3) as room:
        yield room
