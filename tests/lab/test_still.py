"""The picture beside a Lab: it stays with its cell, and is drawn when a run has ended."""

import base64
import time
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from ftte_lab.lab.lab import Lab
from ftte_lab.lab.live import still
from ftte_lab.lab.live.still import Content, Still
from tests.lab.page import TINY_SETTINGS

CONTENT = Content("ftte1-x", "A < B.", pd.DataFrame({"accuracy": [1]}, index=["FTTE"]), b"\x89PNG")


class Kernel:
    """Stand in for a kernel: keep what is sent, and to which cell."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any], Any]] = []
        self.session, self.pub_socket, self.topic = self, None, b"display_data"

    def get_parent(self, channel: str) -> str:
        return f"the cell's {channel} request"

    def send(self, socket: Any, kind: str, content: Any, parent: Any, ident: bytes) -> None:
        self.sent.append((kind, content, parent))


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    shell = type("Shell", (), {"kernel": kernel, "display_pub": kernel})
    monkeypatch.setattr(still, "get_ipython", shell)
    monkeypatch.setattr(still, "_DELAY_S", 0.02)
    monkeypatch.setenv("JPY_SESSION_NAME", "a.ipynb")
    monkeypatch.setattr(
        still,
        "publish_display_data",
        lambda data, transient: kernel.sent.append(("first", data, transient)),
    )
    return kernel


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_both_outputs_are_replaced_in_the_cell_that_showed_the_lab(kernel: Kernel) -> None:
    page_got: list[dict[str, Any]] = []
    one = Still(lambda: CONTENT, lambda kind, **content: page_got.append({"kind": kind, **content}))
    one.show()
    ids = [transient["display_id"] for _, _, transient in kernel.sent]
    assert len(set(ids)) == 2
    kernel.sent.clear()
    one.renew()
    until(lambda: len(kernel.sent) == 2)
    [(kind, words, parent), (_, picture, _)] = kernel.sent
    assert (kind, parent) == ("update_display_data", "the cell's shell request")
    assert [words["transient"]["display_id"], picture["transient"]["display_id"]] == ids
    assert "A &lt; B." in words["data"]["text/html"]
    assert 'Lab("ftte1-x")' in words["data"]["text/plain"]
    assert base64.b64decode(picture["data"]["image/png"]) == CONTENT.png
    one.close()
    # A page that was loaded again gets the same once more, and finds the place by the name.
    sent = {"words": words["data"], "picture": picture["data"]}
    assert page_got == [{"kind": "still", "id": ids[0], **sent}]
    assert f'data-still="{ids[0]}"' in words["data"]["text/html"]


def test_a_new_target_renews_the_verdict(kernel: Kernel) -> None:
    lab = Lab(TINY_SETTINGS, mode="live")
    lab.display.still.show()
    lab.run().result(120)
    until(lambda: any(kind == "update_display_data" for kind, _, _ in kernel.sent))
    lab.display.still._timer.join(10)  # type: ignore[union-attr]
    kernel.sent.clear()
    lab.change_view(target=0.123)
    until(lambda: len(kernel.sent) == 2)
    assert lab.code in kernel.sent[0][1]["data"]["text/html"]
    lab.close()


@pytest.mark.parametrize("ended", ["cancelled", "closed", "never shown", "empty"])
def test_nothing_is_sent_that_nobody_needs(kernel: Kernel, ended: str) -> None:
    one = Still(lambda: None if ended == "empty" else CONTENT)
    if ended != "never shown":
        one.show()
    kernel.sent.clear()
    one.renew()
    if ended == "cancelled":
        one.cancel()
    if ended == "closed":
        one.close()
    if one._timer is not None:
        one._timer.join(10)
    assert kernel.sent == []


def test_a_lab_draws_its_verdict_and_curves(kernel: Kernel) -> None:
    lab = Lab(TINY_SETTINGS, mode="live")
    assert lab.display._picture() is None  # nothing has run yet
    lab.display.still.show()
    lab.run().result(120)
    until(lambda: any(kind == "update_display_data" for kind, _, _ in kernel.sent))
    lab.display.still._timer.join(10)  # type: ignore[union-attr]
    words, picture = (content["data"] for kind, content, _ in kernel.sent[-2:])
    assert lab.code in words["text/html"]
    assert "FedAvg" in words["text/html"]
    assert base64.b64decode(picture["image/png"]).startswith(b"\x89PNG")
    lab.close()


def test_nothing_is_shown_outside_of_jupyter(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME")
    Still(lambda: CONTENT).show()
    assert kernel.sent == []
