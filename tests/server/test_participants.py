"""Check the input of the virtual clock."""

from __future__ import annotations

from ftte_lab.server import Participants, Policy
from tests.server.schedules import computing


def test_participants_left_out_may_have_no_duration() -> None:
    tl = computing(Policy.buffered(2, 1), [1, 0], eligible=[True, False], horizon_s=3)
    assert tl.client.tolist() == [0, 0, 0]


def test_participants_have_defaults() -> None:
    both = Participants(download_s=[1, 2], compute_s=[3, 4], upload_s=[5, 6])
    first, later, compute, upload, dropout = (column.tolist() for column in both.columns)
    assert first == later == [1, 2]
    assert (compute, upload, dropout) == ([3, 4], [5, 6], [0, 0])
    assert both.clients == [0, 1]
