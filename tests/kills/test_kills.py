"""A few random moments of each fault; `python -m tests.kills` takes 50."""

import os
from pathlib import Path

import pytest

from tests.kills.faults import FAULTS
from tests.kills.trial import Tally, _read, disturb
from tests.kills.work import WORKS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", WORKS)
def test_nothing_is_lost_and_nothing_half_written(name: str, fault: str) -> None:
    moments = 2
    tally = disturb(name, fault, moments, seed=7)
    assert not tally.wrong
    assert tally.lost == 0
    assert tally.moments >= moments
    assert tally.finished >= 1


def test_a_writer_that_is_not_atomic_would_be_noticed(tmp_path: Path) -> None:
    """Show that the trial bites: a half-written result is counted."""
    (tmp_path / "run-1.json").write_text('{"history": ')
    tally = Tally()
    _read(WORKS["study"], tmp_path, tally)
    assert "half-written" in tally.wrong[0]
