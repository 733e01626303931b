"""What a page receives: Vega from this machine, columns as bytes, marks, and the fleet."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab.lab.live.fleet_message import fleet_message
from ftte_lab.lab.live.marks import Marks
from ftte_lab.lab.live.stage import Stage, pack
from ftte_lab.lab.live.vega import runtime_js
from ftte_lab.simulation import prepare
from tests.tiny import TINY


def test_runtime_is_bundled_once_and_needs_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTTE_DATA_HOME", str(tmp_path / "home"))
    runtime_js.cache_clear()
    text = runtime_js()
    [kept] = (tmp_path / "home").iterdir()
    assert kept.read_text().startswith(text)
    assert len(text) > 500_000
    for host in ("cdn.jsdelivr", "esm.sh", "unpkg.com"):
        assert host not in text
    kept.write_text("damaged")
    runtime_js.cache_clear()
    assert runtime_js() == text
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FTTE_DATA_HOME", str(tmp_path / "file"))
    runtime_js.cache_clear()
    assert runtime_js() == text  # a data home that cannot be written costs time, nothing else
    runtime_js.cache_clear()


@given(
    st.lists(st.floats(-1e6, 1e6, width=32)),
    st.lists(st.sampled_from(["sensor", "Wächter", "phone"])),
)
def test_pack_keeps_every_value(numbers: list[float], words: list[str]) -> None:
    buffers: list[bytes] = []
    number, word = pack(numbers, buffers), pack(np.array(words, dtype=object), buffers)
    assert np.frombuffer(buffers[number["at"]], "<f4").tolist() == numbers
    codes = np.frombuffer(buffers[word["at"]], "<u2")
    assert [word["words"][c] for c in codes] == words if words else len(codes) == 0


def test_marks_are_placed_as_on_a_logarithmic_slider() -> None:
    marks = Marks(live=True)
    sent: list[Any] = []
    marks.send = sent.append
    marks.place({"middle": 256.0, "left": 64.0, "beyond": 5000.0}, (64.0, 1024.0))
    assert sent == [
        {"marks": [{"text": "middle", "at": pytest.approx(0.5)}, {"text": "left", "at": 0.0}]}
    ]
    marks._resend(None, {"action": "hello"}, [])
    assert sent[0] == sent[1]


def test_fleet_message_holds_the_timelines(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = {name: prepare(TINY.as_method(name)) for name in ("fedavg", "ftte")}
    content, buffers = fleet_message(prepared)
    assert content["end_s"] == TINY.horizon_s
    for arm in content["arms"]:
        timeline = prepared[arm["name"]].timeline
        columns: dict[str, Any] = arm["columns"]
        assert np.frombuffer(buffers[columns["client"]], "<i4").tolist() == timeline.client.tolist()
        assert np.frombuffer(buffers[columns["step"]], "<i4").tolist() == timeline.step.tolist()
        np.testing.assert_allclose(
            np.frombuffer(buffers[columns["freed"]], "<f4"), timeline.freed_s, rtol=1e-6
        )
        assert arm["need"] == prepared[arm["name"]].bill.peak_bytes
    module: Any = importlib.import_module("ftte_lab.lab.live.fleet_message")
    monkeypatch.setattr(module, "MOST_PARTICIPATIONS", 10)
    content, buffers = fleet_message(prepared)
    assert content["end_s"] == min(
        r.timeline.start_s[10] for r in prepared.values()
    )  # the beginning of a long run
    for arm in content["arms"]:
        assert (
            np.frombuffer(buffers[arm["columns"]["start"]], "<f4").max() <= content["end_s"] + 1e-3
        )


def test_a_page_hears_that_all_before_has_been_done() -> None:
    done: list[Any] = []
    stage = Stage({}, done.append, live=False)
    sent: list[Any] = []
    stage._post = lambda message, buffers: sent.append((len(done), message))  # type: ignore[method-assign]
    stage._receive(None, {"action": "reset"}, [])
    stage._receive(None, {"action": "answer", "page": "a", "number": 3}, [])
    assert [one["action"] for one in done] == ["reset"]
    assert sent == [(1, {"action": "answer", "page": "a", "number": 3, "kind": "answer"})]
