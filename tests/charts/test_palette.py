"""The palette: shipped methods and kinds keep their styles, your own get one that is free."""

import dataclasses
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab import charts
from ftte_lab.charts import palette
from ftte_lab.charts.style import THEMES
from ftte_lab.devices import CATALOGUE
from ftte_lab.lab.board import Board
from ftte_lab.lab.live import fleet_message
from ftte_lab.lab.panels import PANELS
from ftte_lab.lab.panels import figure as panel_figure
from ftte_lab.lab.settings import settings_of
from ftte_lab.simulation import METHODS, Method, prepare
from tests.tiny import TINY

KINDS = {
    "#0FA58C": "circle",
    "#3C8DC6": "diamond",
    "#96409A": "square",
    "#6B5FB8": "cross",
    "#4E8A3A": "triangle-down",
    "#5F7D99": "triangle-left",
    "#8F9B4A": "triangle-right",
    "#7E7200": "triangle-up",
    "#3F6DB3": "bow",
}


@pytest.fixture
def kettle() -> Iterator[str]:
    """A device kind of a student's own, as a notebook adds it."""
    CATALOGUE["kettle"] = dataclasses.replace(CATALOGUE["watch"], name="kettle")
    yield "kettle"
    del CATALOGUE["kettle"]


@pytest.fixture
def mine() -> Iterator[str]:
    """A method of a student's own, as a notebook adds it."""
    METHODS["mine"] = Method("mine", "My method", "a lesson", suggests={"subset": "full"})
    yield "mine"
    del METHODS["mine"]


def test_kind_styles_keep_the_shipped_ones() -> None:
    styles = charts.kind_styles(list(CATALOGUE)[: len(KINDS)])
    assert {style.colour: style.shape for style in styles.values()} == KINDS


def test_method_styles_keep_the_shipped_ones() -> None:
    styles = charts.method_styles(["fedavg", "fedbuff", "ftte", "fedasync"])
    assert [style.light for style in styles.values()] == [
        "#0072B2",
        "#521078",
        "#C44A00",
        "#17472F",
    ]
    assert [style.dark for style in styles.values()] == ["#56B4E9", "#9B6BFF", "#FF8A3D", "#8ADDB9"]
    assert list(styles["ftte"].dash) == [1, 0]


@given(
    st.lists(st.text(min_size=1), unique=True, max_size=4),
    st.sets(st.sampled_from(list(CATALOGUE))),
)
def test_kind_styles_are_unique_within_a_picture(own: list[str], shipped: set[str]) -> None:
    kinds = [*own, *(shipped - set(own))]
    styles = charts.kind_styles(kinds)
    assert list(styles) == kinds
    assert len({style.colour for style in styles.values()}) == len(kinds)
    assert len({style.shape for style in styles.values()}) == len(kinds)
    for kind in shipped:
        assert styles[kind] == charts.kind_styles([kind])[kind]


def test_kind_styles_repeat_beyond_the_palette(monkeypatch: pytest.MonkeyPatch) -> None:
    many = {**dict.fromkeys(CATALOGUE), **{f"kind {k}": None for k in range(40)}}
    monkeypatch.setattr(palette, "CATALOGUE", many)
    styles = charts.kind_styles(list(many))
    assert len(styles) == len(many)
    assert charts.kind_styles(["kind 0"]) != charts.kind_styles(["kind 1"])


@given(st.lists(st.text(min_size=1), unique=True, max_size=12))
def test_method_styles_are_unique_within_a_picture(own: list[str]) -> None:
    names = list(dict.fromkeys([*METHODS, *own]))
    styles = charts.method_styles(names)
    for theme in THEMES.values():
        drawn = {(style.colour(theme), style.dash) for style in styles.values()}
        assert len(drawn) == len(names)
    warm = {styles["ftte"].light, styles["ftte"].dark}
    assert all(warm.isdisjoint((s.light, s.dark)) for n, s in styles.items() if n != "ftte")


def test_label_is_the_methods_own(mine: str) -> None:
    assert charts.label(mine) == "My method"
    assert charts.label("mine 2") == "My method 2"
    assert charts.label("unknown") == "unknown"


def test_every_chart_draws_a_new_kind_and_a_new_method(mine: str, kettle: str) -> None:
    methods = (*(name for name in METHODS if name != mine), mine)
    settings = settings_of(TINY.replace(mix={"sensor": 0.3, "watch": 0.3, kettle: 0.4}), methods)
    runs = {name: prepare(scenario) for name, scenario in settings.runs().items()}
    assert len(runs) == len(METHODS) >= 8
    board = Board(settings)
    board.begin_seed(runs, 0)
    for name in runs:
        board.weighed[name].append((1.0, 1.0, kettle))
        board.points[name][0] = {
            "sim_seconds": [0.0, 40.0],
            "accuracy": [0.1, 0.9],
            "energy_j": [0.0, 1.0],
            "total_bytes": [0.0, 1.0],
        }
    style = charts.kind_styles(sorted(set(runs[mine].federation.fleet.kind)))[kettle]
    for panel in PANELS:
        figure = panel_figure(board, panel)
        assert figure is not None
        assert figure.png().startswith(b"\x89PNG")
        spec = json.dumps([figure.spec(theme) for theme in THEMES.values()])
        if panel in ("fleet", "gantt", "weights"):
            assert kettle in spec, panel
        if panel in ("fleet", "weights"):
            assert style.colour in spec
        if panel in ("fleet", "curves", "memory", "bytes", "staleness"):
            assert "My method" in spec, panel
    content, _ = fleet_message(runs)
    [kind] = [kind for kind in content["kinds"] if kind["name"] == kettle]
    assert kind == {"name": kettle, "colour": style.colour, "shape": style.shape}
    [arm] = [arm for arm in content["arms"] if arm["name"] == mine]
    assert arm["label"] == "My method"
    assert (arm["light"], arm["dark"]) == (
        charts.method_styles(list(runs))[mine].light,
        charts.method_styles(list(runs))[mine].dark,
    )
