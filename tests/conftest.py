"""Every test process computes as the kit does, with one thread; the slow tests start first."""

import pytest

from ftte_lab._common import configure_process

configure_process()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow tests first: processes then share the quick ones, and end together."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    if item.get_closest_marker("reads_measurements"):
        return 2
    return 0 if item.get_closest_marker("slow") else 1
