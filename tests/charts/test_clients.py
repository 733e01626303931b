"""How far clients are apart: the bands hold the share of clients that they say."""

import numpy as np
import pytest

from ftte_lab import charts
from tests.charts.conftest import png_size


def test_bands_are_quantiles_over_the_clients_that_have_data() -> None:
    drawn = np.random.default_rng(0).random((5, 41))
    table = np.hstack([drawn, np.full((5, 3), np.nan)])
    figure = charts.client_quantiles({"ftte": [0, 60, 120, 180, 240]}, {"ftte": table})
    for row, own in zip(figure.rows("clients"), drawn, strict=True):
        heights = [row[name] for name in ("low", "tenth", "median", "ninth", "high")]
        assert heights == sorted(heights, reverse=True), "high accuracy stands high on the page"
        levels = 1 - (np.array(heights) - 0.26) / (0.94 - 0.26)
        ordered = np.sort(own)
        assert levels == pytest.approx(ordered[[0, 4, 20, 36, 40]])
    assert f"{100 * np.median(drawn[-1]):.0f} % in the middle" in figure.alt_text
    assert png_size(figure)[0] > 900


def test_methods_share_one_scale_and_one_without_points_is_named() -> None:
    figure = charts.client_quantiles(
        {"fedavg": [0, 30], "ftte": []},
        {"fedavg": [[0.85, 0.95], [0.9, 1.0]], "ftte": np.empty((0, 0))},
    )
    assert {row["text"] for row in figure.rows("scale")} == {"100 %", "80 %"}
    assert [row["arm"] for row in figure.rows("heads")] == ["FedAvg", "FTTE"]
    assert {row["arm"] for row in figure.rows("clients")} == {"FedAvg"}
    assert "no point yet" in charts.client_quantiles({}, {"ftte": np.empty((0, 3))}).alt_text
    with pytest.raises(ValueError, match="shape"):
        charts.client_quantiles({"ftte": [0, 1]}, {"ftte": [[0.1, 0.2]]})
