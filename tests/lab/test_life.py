"""How long a Lab lives: closed by anybody, its thread, widgets and data go; results stay."""

import gc
import threading
import time
import weakref
from typing import Any

import ipywidgets as widgets
import pytest
from ipywidgets.widgets.widget import _instances

from ftte_lab.lab.lab import Lab
from ftte_lab.lab.live import life, mode
from ftte_lab.lab.live.mode import CellRequest, cell_request, is_live
from ftte_lab.lab.live.runner import CancelledError, Runner
from ftte_lab.lab.live.vega import ensure_runtime
from tests.lab.page import TINY_SETTINGS


def threads() -> int:
    return sum(thread.name == "ftte-lab" for thread in threading.enumerate())


def until(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def _nothing_shown() -> Any:
    gc.unfreeze()
    yield
    life._shown.clear()


def test_closing_all_widgets_leaves_nothing_of_six_labs() -> None:
    widgets.Widget.close_all()
    known, before = [], threads()
    for _ in range(6):
        lab = Lab(TINY_SETTINGS, mode="live")
        lab.run().result(120)
        known.append(weakref.ref(lab))
    del lab
    widgets.Widget.close_all()
    gc.collect()
    assert threads() == before
    assert [ref() for ref in known] == [None] * 6
    assert not _instances


@pytest.mark.parametrize("how", ["lab", "box", "stage"])
def test_a_closed_lab_keeps_its_results_and_refuses_the_rest(how: str) -> None:
    ensure_runtime()  # one per kernel stays
    before = set(_instances)
    lab = Lab(TINY_SETTINGS, mode="live", charts=["curves", "memory"])
    table = lab.run().table(30)
    {"lab": lab.close, "box": lab.widget.close, "stage": lab.display.stage.close}[how]()
    lab.close()
    assert lab.table(30).equals(table)
    assert set(_instances) <= before
    for refused in (lab.run, lab.reset, lambda: lab.set(buffer=4), lab._ipython_display_):
        with pytest.raises(ValueError, match="this Lab is closed; allowed: an open one"):
            refused()
    with pytest.raises(ValueError, match="nothing"):
        lab.figure("memory")
    lab.stop()
    lab.pin()


def test_a_lab_closed_in_the_middle_has_no_result() -> None:
    lab = Lab(
        TINY_SETTINGS.replace(scenario=TINY_SETTINGS.scenario.replace(horizon_s=1e5)), mode="live"
    )
    lab.run()
    until(lambda: lab.display.board.updates > 0)
    lab.close()
    with pytest.raises(CancelledError):
        lab.result(5)


def test_the_worker_ends_where_there_is_no_work_and_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ftte_lab.lab.live.runner._LINGER_S", 0.05)
    before = threads()
    log: list[Any] = []
    runner = Runner(
        lambda job: iter(range(1, job + 1)),
        lambda number, frame: log.append(frame),
        lambda *_: None,
        lambda frame: True,
    )
    runner.submit(3)
    runner.wait(10)
    until(lambda: threads() == before)
    runner.submit(4, "step")
    until(lambda: runner.phase == "stopped")
    until(lambda: threads() == before)
    assert log == [1, 2, 3, 1]
    assert runner.resume("run")  # the job under way is still there
    runner.wait(10)
    assert log == [1, 2, 3, 1, 2, 3, 4]
    runner.close()
    assert threads() == before


def test_running_a_cell_again_closes_what_it_showed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftte_lab.lab.lab.show", lambda *_: None)
    request: list[CellRequest | None] = [None]
    monkeypatch.setattr(life, "cell_request", lambda: request[0])

    def shown(cell: str, run: str, deleted: tuple[str, ...] = ()) -> Lab:
        request[0] = CellRequest(cell, run, deleted)
        lab = Lab(TINY_SETTINGS, mode="live")
        lab._ipython_display_()
        return lab

    first, beside = shown("a", "1"), shown("a", "1")
    other = shown("b", "2")
    again = shown("a", "3")
    closed = [lab._runner.closed for lab in (first, beside, other, again)]
    assert closed == [True, True, False, False]
    last = shown("c", "4", deleted=("b",))
    assert other._runner.closed
    request[0] = None  # a program that names no cells: nothing is closed
    plain = Lab(TINY_SETTINGS, mode="live")
    plain._ipython_display_()
    assert not again._runner.closed
    for lab in (again, last, plain):
        lab.close()


def test_a_saved_notebook_holds_a_sentence_in_the_place_of_the_widget() -> None:
    lab = Lab(TINY_SETTINGS, mode="live")
    bundle = lab.widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == (
        f"A Lab: run this cell again to see it, or open {lab!r} in another notebook."
    )
    lab.close()


class Kernel:
    def __init__(self, message: Any) -> None:
        self.message = message

    def get_parent(self, channel: str) -> Any:
        return self.message


class Shell:
    def __init__(self, message: Any) -> None:
        self.kernel = Kernel(message)


def request(kind: str = "execute_request", **metadata: Any) -> Any:
    return {"header": {"msg_type": kind, "msg_id": "m"}, "metadata": metadata}


@pytest.mark.parametrize(
    ("variables", "message", "live"),
    [
        ({"JPY_SESSION_NAME": "a.ipynb"}, request(cellId="c"), True),
        ({"JPY_SESSION_NAME": "a.ipynb"}, request(), False),  # nbclient in a cell
        ({"JPY_SESSION_NAME": "a.ipynb"}, request("comm_msg"), True),  # a button of a page
        ({"JPY_SESSION_NAME": "a.ipynb"}, {}, True),
        ({"VSCODE_PID": "1"}, request(), True),
        ({"VSCODE_PID": "1", "JPY_PARENT_PID": "2"}, request(), False),
        ({"VSCODE_PID": "1", "JPY_PARENT_PID": "2"}, request(cellId="c"), True),
        ({}, request(cellId="c"), False),
    ],
)
def test_a_program_in_a_cell_does_not_take_itself_for_a_page(
    variables: dict[str, str], message: Any, live: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FTTE_MODE", "JPY_SESSION_NAME", "VSCODE_PID", "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(mode, "get_ipython", lambda: Shell(message))
    assert is_live() is live


def test_cell_request_reads_what_a_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    others: list[Any] = [{}, None, request(), request("x", cell="y"), {"header": {}}]
    for message in others:
        monkeypatch.setattr(mode, "get_ipython", lambda message=message: Shell(message))
        assert cell_request() is None
    said = request(cellId="c", deletedCells=["d", 3])
    monkeypatch.setattr(mode, "get_ipython", lambda: Shell(said))
    assert cell_request() == CellRequest("c", "m", ("d", "3"))
    monkeypatch.setattr(mode, "get_ipython", lambda: None)
    assert cell_request() is None
