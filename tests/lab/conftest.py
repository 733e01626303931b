"""The page that the tests of the Lab press."""

from collections.abc import Iterator

import pytest

from ftte_lab.lab.lab import Lab
from ftte_lab.lab.panels import PANELS
from tests.lab.page import TINY_SETTINGS, Page


@pytest.fixture
def page() -> Iterator[Page]:
    lab = Lab(TINY_SETTINGS, mode="live", charts=list(PANELS))
    yield Page(lab)
    lab._runner.close()
