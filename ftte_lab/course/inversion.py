"""What an update tells about the data behind it: inputs read off the first dense layer.

A dense layer `W x + b` that saw one sample has the gradient `delta x^T` for W and `delta` for b, so every row of W's
update divided by its entry of b's is the sample itself (Phong et al. 2018; Geiping et al. 2020, arXiv 2003.14053,
proposition 3.1). With several samples or steps each row is a mixture, but a unit that only one sample excited still
shows that sample. This attack needs no training and no luck; stronger ones exist, so what it misses is not safe.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ftte_lab._common import number, require

RECOVERED = 0.95  # correlation above which a person would say: that is the same picture


def read_inputs(weight_update: ArrayLike, bias_update: ArrayLike) -> np.ndarray:
    """One guess of an input per unit that moved, `(guesses, inputs)`, the most excited unit first.

    Args:
        weight_update: change of a dense layer's weight, `(units, inputs)`.
        bias_update: change of its bias, `(units,)`.

    Raises:
        ValueError: shapes that do not fit.
    """
    w, b = np.asarray(weight_update, np.float64), np.asarray(bias_update, np.float64)
    fits = w.ndim == 2 and b.shape == (len(w),)
    require(fits, f"updates of shapes {w.shape} and {b.shape}", "(units, inputs) and (units,)")
    order = np.argsort(-np.abs(b), kind="stable")
    order = order[b[order] != 0]
    return w[order] / b[order, None]


def likeness(guesses: np.ndarray, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each sample, the correlation of the guess that is most like it, and which guess that is.

    Args:
        guesses: `(guesses, inputs)`; there may be none.
        samples: `(n, inputs)`, the truth.

    Raises:
        ValueError: unlike numbers of inputs.
    """
    if not len(guesses):
        return np.zeros(len(samples)), np.full(len(samples), -1)
    fits = guesses.ndim == samples.ndim == 2 and guesses.shape[1] == samples.shape[1]
    require(fits, f"guesses {guesses.shape}, samples {samples.shape}", "equally many inputs")
    r = _standard(samples) @ _standard(guesses).T / samples.shape[1]
    return r.max(1), r.argmax(1)


def recovered(guesses: np.ndarray, samples: np.ndarray, above: float = RECOVERED) -> float:
    """Share of the samples that some guess shows as good as exactly.

    Raises:
        ValueError: as `likeness`, or a threshold outside 0 to 1.
    """
    number("above", above, 0, 1)
    return float((likeness(guesses, samples)[0] > above).mean())


def _standard(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, np.float64)
    return (rows - rows.mean(1, keepdims=True)) / (rows.std(1, keepdims=True) + 1e-12)
