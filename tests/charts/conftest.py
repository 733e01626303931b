"""Runs that the charts are drawn from."""

import pytest

from ftte_lab.charts import Figure
from ftte_lab.simulation import History, Prepared, prepare, run
from tests.tiny import TINY


@pytest.fixture(scope="module")
def prepared() -> dict[str, Prepared]:
    return {name: prepare(TINY.as_method(name)) for name in ("fedavg", "ftte")}


@pytest.fixture(scope="module")
def histories(prepared: dict[str, Prepared]) -> dict[str, History]:
    return {name: run(r) for name, r in prepared.items()}


def png_size(figure: Figure) -> tuple[int, int]:
    """Return width and height of the figure's PNG, in pixels."""
    raw = figure.png()
    assert raw.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(raw[16:20], "big"), int.from_bytes(raw[20:24], "big")
