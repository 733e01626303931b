"""Every test process computes as the kit does, with one thread; slow tests are spread evenly."""

import os

import pytest

from ftte_lab._common import configure_process

configure_process()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests so that processes start with slow ones and end together.

    Each process is handed an equal number of neighbours. So each such part begins with its share
    of the slow tests. Tests that read what slow ones have measured come last of all: earlier they
    would wait for another process, or compute the same again.
    """
    parts = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if item.get_closest_marker("slow")]
    last = [item for item in items if item.get_closest_marker("reads_measurements")]
    apart = {id(item) for item in (*slow, *last)}
    quick = [item for item in items if id(item) not in apart]
    ordered: list[pytest.Item] = []
    for k in range(parts):
        mine = slow[k::parts]
        room = max(0, round((k + 1) * len(items) / parts) - len(ordered) - len(mine))
        ordered += mine + quick[:room]
        quick = quick[room:]
    items[:] = [*ordered, *quick, *last]
