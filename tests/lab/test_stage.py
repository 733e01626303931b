"""What a page gets: Vega from this machine, columns as bytes, marks where they belong."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab.lab.live.fleet_message import fleet_message
from ftte_lab.lab.live.marks import Marks
from ftte_lab.lab.live.stage import _packed
from ftte_lab.lab.live.vega import runtime_js
from ftte_lab.simulation import prepare
from tests.tiny import TINY


def test_vega_is_bundled_once_and_asks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTTE_DATA_HOME", str(tmp_path / "home"))
    runtime_js.cache_clear()
    text = runtime_js()
    [kept] = (tmp_path / "home").iterdir()
    assert kept.read_text() == text
    assert len(text) > 500_000
    for host in ("cdn.jsdelivr", "esm.sh", "unpkg.com"):
        assert host not in text
    kept.write_text("kept")
    runtime_js.cache_clear()
    assert runtime_js() == "kept"
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FTTE_DATA_HOME", str(tmp_path / "file"))
    runtime_js.cache_clear()
    assert runtime_js() == text  # a home that cannot be written costs time, nothing else
    runtime_js.cache_clear()


@given(
    st.lists(st.floats(-1e6, 1e6, width=32)),
    st.lists(st.sampled_from(["sensor", "Wächter", "phone"])),
)
def test_columns_survive_the_wire(numbers: list[float], words: list[str]) -> None:
    buffers: list[bytes] = []
    number, word = _packed(numbers, buffers), _packed(np.array(words, dtype=object), buffers)
    assert np.frombuffer(buffers[number["at"]], "<f4").tolist() == numbers
    codes = np.frombuffer(buffers[word["at"]], "<u2")
    assert [word["words"][c] for c in codes] == words if words else len(codes) == 0


def test_marks_stand_where_a_logarithmic_slider_would_stand() -> None:
    marks = Marks(live=True)
    said: list[Any] = []
    marks.send = said.append
    marks.say({"middle": 256.0, "left": 64.0, "beyond": 5000.0}, (64.0, 1024.0))
    assert said == [
        {"marks": [{"text": "middle", "at": pytest.approx(0.5)}, {"text": "left", "at": 0.0}]}
    ]
    marks._heard(None, {"press": "hello"}, [])
    assert said[0] == said[1]


def test_a_fleet_travels_with_its_timelines(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = {name: prepare(TINY.as_method(name)) for name in ("fedavg", "ftte")}
    content, buffers = fleet_message(ready)
    assert content["end_s"] == TINY.horizon_s
    for arm in content["arms"]:
        timeline = ready[arm["name"]].timeline
        columns: dict[str, Any] = arm["columns"]
        assert np.frombuffer(buffers[columns["client"]], "<i4").tolist() == timeline.client.tolist()
        assert np.frombuffer(buffers[columns["step"]], "<i4").tolist() == timeline.step.tolist()
        np.testing.assert_allclose(
            np.frombuffer(buffers[columns["freed"]], "<f4"), timeline.freed_s, rtol=1e-6
        )
        assert arm["need"] == ready[arm["name"]].bill.peak_bytes
    module: Any = importlib.import_module("ftte_lab.lab.live.fleet_message")
    monkeypatch.setattr(module, "MOST_PARTICIPATIONS", 10)
    content, buffers = fleet_message(ready)
    assert content["end_s"] == min(
        r.timeline.start_s[10] for r in ready.values()
    )  # the beginning of a long run
    for arm in content["arms"]:
        assert (
            np.frombuffer(buffers[arm["columns"]["start"]], "<f4").max() <= content["end_s"] + 1e-3
        )
