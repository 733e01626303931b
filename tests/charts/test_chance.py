"""The search beside chance: a histogram of draws, and predicted against measured gain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from ftte_lab import charts
from ftte_lab.charts.style import THEMES
from tests.charts.conftest import png_size

PURE, ORDERED = [0.88, 0.91, 0.9], [0.93, 0.95]


def test_draws_show_every_draw_and_where_the_search_stands() -> None:
    figure = charts.draws(
        {"pure random": PURE, "best channels first": ORDERED},
        {"search": 0.94, "last layers": 0.905},
    )
    assert [row["value"] for row in figure.rows("draws")] == PURE + ORDERED
    assert [row["value"] for row in figure.rows("marks")] == [0.94, 0.905]
    assert "5 random draws" in figure.alt_text
    places = [
        "search 94.0 %, above 3 of 3 pure random and 1 of 2 best channels first",
        "last layers 90.5 %, above 2 of 3 pure random and 0 of 2 best channels first",
    ]
    for theme in THEMES.values():
        title = figure.spec(theme)["title"]
        assert title["subtitle"] == places
    assert all(place in figure.alt_text for place in places)
    assert png_size(figure)[0] > 900
    assert charts.draws({"pure random": PURE}, {}).alt_text.endswith("by final accuracy.")


def test_draws_write_a_mark_towards_the_middle() -> None:
    figure = charts.draws({"pure random": PURE}, {"high": np.float64(0.95), "low": 0.86})
    assert [row["side"] for row in figure.rows("marks")] == ["right", "left"]


SHARES = st.lists(st.floats(-0.2, 1.0), max_size=30)


@given(SHARES.filter(bool), SHARES)
def test_draws_stack_each_draw_in_its_bin(first: list[float], second: list[float]) -> None:
    results = {"pure random": first, "random": second}
    bars = charts.draws(results, {}).rows("bars")
    for kind, values in results.items():
        own = [bar for bar in bars if bar["kind"] == kind]
        assert sum(bar["to"] - bar["from"] for bar in own) == len(values)
        for bar in own:
            inside = [v for v in values if bar["low"] - 1e-9 <= v < bar["high"] + 1e-9]
            assert len(inside) >= bar["to"] - bar["from"] > 0
    for low in {bar["low"] for bar in bars}:
        stack = sorted((bar["from"], bar["to"]) for bar in bars if bar["low"] == low)
        assert [base for base, _ in stack] == [0, *(top for _, top in stack[:-1])]


def test_predicted_gain_writes_spearman_over_all_and_within_each_kind() -> None:
    rng = np.random.default_rng(0)
    x, kind = rng.random(21), ["pure random"] * 10 + ["random"] * 10 + ["search"]
    y = x + 0.3 * rng.random(21)
    figure = charts.predicted_gain(x, y, kind)
    assert [row["predicted"] for row in figure.rows("subsets")] == x.tolist()
    assert [row["measured"] for row in figure.rows("subsets")] == y.tolist()
    wanted = [
        f"{spearmanr(x[part], y[part])[0]:.2f}"
        for part in (slice(None), slice(0, 10), slice(10, 20))
    ]
    words = (
        f"Spearman {wanted[0]} over all 21; pure random {wanted[1]} (10); random {wanted[2]} (10)"
    )
    assert figure.spec()["title"]["subtitle"] == words
    assert figure.alt_text.endswith(f"{words}.")
    assert png_size(figure)[0] > 900


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=12))
def test_spearman_is_scipys_with_ties(points: list[tuple[int, int]]) -> None:
    x, y = zip(*points, strict=True)
    text = charts.predicted_gain(x, y, ["random"] * len(x)).alt_text
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert "Spearman undefined" in text
    else:
        written = float(text.partition("Spearman ")[2].split()[0])
        assert written == pytest.approx(spearmanr(x, y)[0], abs=0.00501)


def test_charts_of_chance_explain_wrong_arguments() -> None:
    for wrong, says in (
        (lambda: charts.draws({}, {"search": 0.9}), "no draw to show"),
        (lambda: charts.draws({"random": []}, {}), "no draw to show"),
        (lambda: charts.draws({"random": [float("nan")]}, {}), r"a result of \[nan\]"),
        (lambda: charts.draws({"random": [0.9]}, {"search": float("inf")}), r"a result of \[inf\]"),
        (lambda: charts.predicted_gain([1, 2], [1, 2], ["a"] * 2), "2 subsets; allowed: 3 or more"),
        (lambda: charts.predicted_gain([1, 2, 3], [1, 2], ["a"] * 3), "columns of 3, 2 and 3"),
        (lambda: charts.predicted_gain([1, 2, float("nan")], [1, 2, 3], ["a"] * 3), "finite"),
    ):
        with pytest.raises(ValueError, match=says):
            wrong()
