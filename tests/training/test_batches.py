"""The mini-batches of a client."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab.training import draw_batches, draw_many


@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 12), st.integers(0, 99))
def test_draw_batches_pass_over_the_data_before_they_repeat(
    samples: int, steps: int, batch: int, seed: int
) -> None:
    rows = draw_batches(samples, steps, batch, seed=seed, client=3, visit=1)
    assert rows.shape == (steps, batch)
    flat = rows.ravel()
    counts = np.bincount(flat, minlength=samples)
    assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(
        rows, draw_batches(samples, steps, batch, seed=seed, client=3, visit=1)
    )


def test_draw_many_is_many_single_draws() -> None:
    samples, clients, visits = [7, 40, 7, 1], [0, 5, 9, 2], [0, 3, 1, 0]
    many = draw_many(samples, 3, 4, seed=2, client=clients, visit=visits)
    for row, n, c, v in zip(many, samples, clients, visits, strict=True):
        np.testing.assert_array_equal(row, draw_batches(n, 3, 4, seed=2, client=c, visit=v))


def test_draw_many_rows_are_uniform_and_differ() -> None:
    rows = draw_many(
        np.full(4000, 10), 1, 10, seed=0, client=np.arange(4000), visit=np.zeros(4000, int)
    )[:, 0]
    counts = np.stack([np.bincount(rows[:, k], minlength=10) for k in range(10)])
    assert ((counts - 400) ** 2 / 400).sum() < 150  # chi-squared with 81 degrees of freedom: 1e-5
    assert len({tuple(row) for row in rows}) > 3990
    other = draw_many(
        np.full(4000, 10), 1, 10, seed=0, client=np.arange(4000), visit=np.ones(4000, int)
    )[:, 0]
    assert (rows == other).mean() == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize(
    ("samples", "steps", "batch", "text"),
    [
        (0, 1, 1, "samples = .*; allowed: at least 1 each"),
        (5, 0, 1, "steps = 0; allowed"),
        (5, 1, 0, "batch = 0; allowed"),
    ],
)
def test_draw_batches_explains_wrong_numbers(
    samples: int, steps: int, batch: int, text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        draw_batches(samples, steps, batch, seed=0, client=0, visit=0)
