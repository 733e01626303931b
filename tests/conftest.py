"""Every test process computes as the kit does, with one thread; the slow tests start first."""

import pytest

from ftte_lab._common import configure_process

configure_process()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow tests first: processes then share the quick ones, and end together."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
