"""Keep the record of students in memory, and empty before each test."""

from collections.abc import Iterator

import pytest

from ftte_lab.course import progress


@pytest.fixture(autouse=True)
def _empty_record(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(progress.VARIABLE, "off")
    progress.forget()
    yield
    progress.forget()
