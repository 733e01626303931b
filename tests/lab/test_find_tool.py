"""The search of a page: what it asks, what it shows, and that it can be cancelled."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ftte_lab.experiments import Crew, Finding, Trial, in_words
from ftte_lab.lab.lab import Lab
from ftte_lab.lab.settings import Settings
from ftte_lab.lab.tools import crew_job
from ftte_lab.lab.tools.find_tool import FindTool, message, question_of
from tests.lab.fake_host import FakeHost

ASK: dict[str, Any] = {
    "do": "find",
    "want": "smallest",
    "knob": "local_steps",
    "method": "ftte",
    "target": 30,
    "of": "sim_seconds",
    "within": 0.5,
    "seeds": 2,
    "high": 8,
}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHost]:
    """A host whose searches run in threads, and keep their runs in a folder of the test."""
    with ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(crew_job, "Crew", lambda home: Crew(home, executor=pool))
        monkeypatch.setattr(crew_job, "runs_home", lambda: tmp_path / "sweeps" / "now")
        yield FakeHost()


def test_a_search_shows_points_an_answer_and_goes_there(host: FakeHost) -> None:
    tool = FindTool(host)
    assert "ftte" in dict(host.last("form")["methods"])
    tool.receive(ASK)
    done = host.phase("done")
    shown = [c for c in host.published if c["part"] == "state"]
    assert len({len(c["trials"]) for c in shown}) > 1
    assert done["done"] == done["expected"]
    assert done["text"].startswith(("The smallest local steps", "Already", "Nothing"))
    assert all(len(trial["costs"]) == 2 for trial in done["trials"])
    before = host.settings
    host.now = before.set(buffer=5)  # somebody turned a knob meanwhile
    if done["answer"] is None:
        with pytest.raises(ValueError, match="no answer"):
            tool.receive({"do": "go"})
    else:
        tool.receive({"do": "go"})
        assert host.gone == [before.set(local_steps=done["answer"])]
    tool.close()


def test_a_search_is_cancelled_and_another_replaces_it(host: FakeHost) -> None:
    host.now = Settings(host.now.comparison.set(horizon_s=3_000.0))
    tool = FindTool(host)
    tool.receive(ASK)
    tool.receive({"do": "cancel"})
    assert host.last("state")["phase"] == "cancelled"
    count = len(host.published)
    host.now = Settings(host.now.comparison.set(horizon_s=40.0))
    tool.receive({**ASK, "seeds": 1})
    assert host.phase("done")["trials"][0]["costs"] is not None
    assert all(len(t["costs"]) <= 1 for c in host.published[count:] for t in c["trials"])
    tool.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"do": "explode"},
        {"knob": "seed"},
        {"knob": 3},
        {"want": None},
        {"method": "scaffold"},
        {"target": 101},
        {"target": None},
        {"target": "90"},
        {"of": "loss"},
        {"within": -1},
        {"within": 0},
        {"within": math.nan},
        {"seeds": 11},
        {"seeds": "3"},
        {"low": [1]},
        {"low": 5, "high": 5},
    ],
)
def test_messages_that_make_no_sense_are_refused_in_words(
    host: FakeHost, wrong: dict[str, Any]
) -> None:
    tool = FindTool(host)
    with pytest.raises(ValueError, match="allowed"):
        tool.receive({**ASK, **wrong})
    assert host.last("state") == {}
    with pytest.raises(ValueError, match="no answer"):
        tool.receive({"do": "go"})


def test_units_of_the_page_are_those_of_the_record(host: FakeHost) -> None:
    ask = question_of({**ASK, "of": "total_bytes", "within": 2.5}, host.settings)
    assert (ask.within, ask.target, ask.seeds) == (2.5e6, 0.3, 2)
    sent = message(Finding(ask, (Trial(1, (1e6, math.inf)), Trial(2, (), "why"))), "running")
    assert sent["limit"] == 2.5
    assert [trial["costs"] for trial in sent["trials"]] == [[1.0, None], []]
    assert sent["trials"][1]["reason"] == "why"


def test_what_fails_is_shown_as_text(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(question: Any, crew: Any) -> Any:
        raise OSError("disk full")

    monkeypatch.setattr("ftte_lab.lab.tools.find_tool.find", fail)
    tool = FindTool(host)
    tool.receive(ASK)
    host.phase("failed")
    assert "disk full" in host.last("error")["text"]


def test_a_search_from_python_finds_what_the_page_finds(host: FakeHost) -> None:
    tool = FindTool(host)
    tool.receive(ASK)
    page = host.phase("done")
    tool.close()
    lab = Lab(host.settings, mode="batch")
    more = {"of": "sim_seconds", "within": 30.0, "seeds": 2, "high": 8}
    found = lab.find("local_steps", "smallest", 0.3, **more)
    assert in_words(found) == page["text"]
