"""What an update reveals about the data behind it: inputs read off the first dense layer.

A dense layer `W x + b` that trained on one sample has the gradient `delta x^T` for W and `delta`
for b. So every row of W's update divided by its entry of b's update is the sample itself (Phong et
al. 2018; Geiping et al. 2020, arXiv 2003.14053, proposition 3.1). With several samples or steps
each row is a mixture, but a unit that was active for only one sample still shows that sample. This
attack needs no training and no luck. Stronger attacks exist, so what it misses is not safe.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ftte_lab._common import number, require

RECOVERED = 0.95
"""Correlation above which a person would call two pictures the same."""


def read_inputs(weight_update: ArrayLike, bias_update: ArrayLike) -> np.ndarray:
    """Return one guess of an input per unit that moved, `(guesses, inputs)`, most active first.

    Args:
        weight_update: change of a dense layer's weight, `(units, inputs)`.
        bias_update: change of its bias, `(units,)`.

    Raises:
        ValueError: shapes that do not fit together.

    Example:
        >>> read_inputs([[1.0, 2.0], [0.0, 0.0]], [0.5, 0.0]).tolist()
        [[2.0, 4.0]]
    """
    w, b = np.asarray(weight_update, np.float64), np.asarray(bias_update, np.float64)
    fits = w.ndim == 2 and b.shape == (len(w),)
    require(
        fits, f"the updates have shapes {w.shape} and {b.shape}", "(units, inputs) and (units,)"
    )
    order = np.argsort(-np.abs(b), kind="stable")
    order = order[b[order] != 0]
    return w[order] / b[order, None]


def likeness(guesses: np.ndarray, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, per sample, the highest correlation with any guess, and the index of that guess.

    Args:
        guesses: `(guesses, inputs)`; there may be none.
        samples: `(n, inputs)`, the true inputs.

    Raises:
        ValueError: different numbers of inputs.

    Example:
        >>> import numpy as np
        >>> r, best = likeness(np.array([[3.0, 1.0], [0.0, 5.0]]), np.array([[0.0, 1.0]]))
        >>> r.round(3).tolist(), best.tolist()
        ([1.0], [1])
    """
    if not len(guesses):
        return np.zeros(len(samples)), np.full(len(samples), -1)
    fits = guesses.ndim == samples.ndim == 2 and guesses.shape[1] == samples.shape[1]
    require(
        fits,
        f"guesses are {guesses.shape} and samples {samples.shape}",
        "equally many inputs in both",
    )
    r = _standardised(samples) @ _standardised(guesses).T / samples.shape[1]
    return r.max(1), r.argmax(1)


def recovered(guesses: np.ndarray, samples: np.ndarray, above: float = RECOVERED) -> float:
    """Return the share of the samples that some guess shows almost exactly.

    Args:
        guesses: as in `likeness`.
        samples: as in `likeness`.
        above: correlation that counts as recovered, 0 to 1.

    Raises:
        ValueError: as `likeness`, or a threshold outside 0 to 1.

    Example:
        >>> import numpy as np
        >>> recovered(np.array([[0.0, 1.0]]), np.array([[0.0, 2.0], [2.0, 0.0]]))
        0.5
    """
    number("above", above, 0, 1)
    return float((likeness(guesses, samples)[0] > above).mean())


def _standardised(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, np.float64)
    return (rows - rows.mean(1, keepdims=True)) / (rows.std(1, keepdims=True) + 1e-12)
