"""A short session of many actions: nothing that a kernel or a page holds grows with use."""

import sys
from pathlib import Path

import pytest

from tests.browser.driver import chromium
from tests.long_session import ROOM, Held, grown, session, use

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


def test_a_session_does_not_grow(tmp_path: Path) -> None:
    if chromium() is None:
        pytest.skip("no Chromium: install it, or set FTTE_CHROMIUM")
    with session(tmp_path) as one:
        early, *_, late = use(one, drags=12, reruns=8, reloads=2, sections=2)
        one.restart()
        restarted = one.held()
        assert one.tab.problems == []
        assert one.tab.outside == []
    assert grown(early, late) == []
    assert grown(late, restarted) == []


def test_growth_is_found() -> None:
    early = Held(2, 20, 1, 300, 0, 11, 90, 1, 0, 5000, 900, 50)
    assert grown(early, early) == []
    for name in ROOM:
        late = Held(**{**vars(early), name: 10 * vars(early)[name] + 10})
        assert grown(early, late) == [f"{name} grew from {vars(early)[name]} to {vars(late)[name]}"]
