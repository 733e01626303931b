"""What privacy costs: the bars are the devices, at the loss that the account gives."""

from itertools import pairwise

import numpy as np
import pytest

from ftte_lab import charts
from ftte_lab.charts.style import THEMES
from ftte_lab.server import epsilon, noise_to_clip
from ftte_lab.simulation import Prepared, prepare
from tests.charts.conftest import png_size
from tests.tiny import TINY

MIX = {"phone": 0.5, "sensor": 0.5}


@pytest.fixture(scope="module")
def noisy() -> dict[str, Prepared]:
    fields = {"clip_norm": 1.0, "noise_multiplier": 4.0, "normalise": "count", "mix": MIX}
    scenario = TINY.replace(**fields)
    return {name: prepare(scenario.as_method(name)) for name in ("fedavg", "ftte")}


def test_each_device_stands_at_its_own_loss(noisy: dict[str, Prepared]) -> None:
    figure = charts.privacy_loss(noisy)
    end = (figure.signals or {})["end"]
    rows = figure.rows("devices")
    for block, run in enumerate(noisy.values()):
        mine = [row for row in rows if block <= row["y"] < block + 1]
        assert sum(row["count"] for row in mine) == TINY.clients
        loss = epsilon(run.participations, 4.0, TINY.delta)
        kinds = np.asarray(run.federation.fleet.kind)
        for row in mine:
            width = (row["x2"] - row["x"]) / 0.9
            above = loss >= row["x"] - 1e-9
            below = (loss < row["x"] + width - 1e-9) | (row["x"] + width > end - 1e-9)
            inside = above & below & (kinds == row["kind"])
            assert inside.sum() == row["count"]
    assert max(row["x2"] for row in rows) <= end


def test_bars_of_two_kinds_stand_upon_each_other(noisy: dict[str, Prepared]) -> None:
    tops: dict[tuple[float, int], list[tuple[float, float]]] = {}
    for row in charts.privacy_loss(noisy).rows("devices"):
        tops.setdefault((row["x"], int(row["y"])), []).append((row["y2"], row["y"]))
    for stack in tops.values():
        for (_, top), (floor, _) in pairwise(stack):
            assert floor == pytest.approx(top)


def test_noise_is_said_beside_the_method(noisy: dict[str, Prepared]) -> None:
    figure = charts.privacy_loss(noisy)
    for row, run in zip(figure.rows("heads"), noisy.values(), strict=True):
        entries = run.plan.subset.entries(run.federation.model)
        ratio = noise_to_clip(4.0, entries, run.timeline.policy.buffer)
        assert row["note"] == f"noise {ratio:,.2g} × an update"
    assert "slowest tenth" in figure.alt_text
    assert png_size(figure)[0] > 900


def test_without_noise_nothing_is_promised(noisy: dict[str, Prepared]) -> None:
    bare = {"ftte": prepare(TINY.replace(mix=MIX).as_method("ftte"))}
    figure = charts.privacy_loss(bare)
    assert figure.rows("devices") == []
    assert "nothing bounds" in figure.alt_text
    assert all("no noise" in str(figure.spec(theme)["title"]) for theme in THEMES.values())
    both = charts.privacy_loss({"fedavg": noisy["fedavg"], "ftte": bare["ftte"]})
    assert [row["arm"] for row in both.rows("heads")] == ["FedAvg"]
