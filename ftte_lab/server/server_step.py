"""Move the server: average updates or models, with a plain or a robust mean.

x is the server's model now, x_start_i the one that client i started from, D_i = x_i - x_start_i its
update, w_i the weight by age, variance and samples (`weights`), s the weight by age alone.

    updates   x <- x + eta_g · sum_i w_i (x_i - x_start_i) / sum_i w_i
    models    x <- x + eta_g · sum_i w_i (x_i - x) / sum_i w_i
    mixing    alpha_t = eta_g · mean s(tau_i)
              x <- (1 - alpha_t) x + alpha_t · sum_i w_i x_i / sum_i w_i

"updates" is FedBuff's rule (Nguyen et al. 2022). "mixing" is FedAsync's (Xie et al. 2019) where the
buffer holds one update; for more it is our reconstruction. "models" is what a server does that
subtracts its present model from what comes back. For fresh updates "models" and "updates" agree. An
old one adds x_start_i - x to the step, which pulls the server back to where the client started.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ftte_lab._common import choice, number, require
from ftte_lab.server.aggregation import LARGEST_RATE, combine, require_finite
from ftte_lab.server.robust import LARGEST_TRIM, MEANS, MEDIAN_TRIM, robust_mean

COMBINATIONS = ("updates", "models", "mixing")
"""What a server step may average."""


@dataclass(frozen=True)
class StepRule:
    """State what a server step averages, and with which mean.

    Attributes:
        combine: one of `COMBINATIONS`.
        mean: one of `MEANS`; "median" and "trimmed" are taken entry by entry.
        trim: for "trimmed", the share of the weight that is cut from each end.
        server_rate: eta_g, above 0; for "mixing" at most 1.

    Raises:
        ValueError: a setting out of range.
    """

    combine: str = "updates"
    mean: str = "weighted"
    trim: float = 0.2
    server_rate: float = 1.0

    def __post_init__(self) -> None:
        choice("combine", self.combine, COMBINATIONS)
        choice("mean", self.mean, MEANS)
        object.__setattr__(self, "trim", number("trim", self.trim, 0.0, LARGEST_TRIM))
        rate = number("server_rate", self.server_rate, 1e-12, LARGEST_RATE)
        object.__setattr__(self, "server_rate", rate)
        require(
            self.combine != "mixing" or self.server_rate <= 1,
            f"combine = 'mixing' with server_rate = {self.server_rate:g}",
            "a server_rate of at most 1",
            "It is the share of the new model, and 1 replaces the old one completely",
        )

    @property
    def needs_starts(self) -> bool:
        """Return whether a step needs the models that the clients started from."""
        return self.combine != "updates"

    @property
    def cut(self) -> float | None:
        """Return the share of the weight that is cut from each end; `None`: a plain mean."""
        return {"weighted": None, "median": MEDIAN_TRIM, "trimmed": self.trim}[self.mean]


def server_step(
    x: Tensor,
    rows: Tensor,
    coefficients: Sequence[float] | np.ndarray,
    rule: StepRule,
    *,
    by_age: Sequence[float] | np.ndarray | None = None,
    starts: Tensor | None = None,
    covered: Tensor | None = None,
) -> Tensor:
    """Apply one server step under any rule, and return the server's trained entries, `(d,)`.

    A robust mean keeps the length of the step: it is multiplied by the sum of the coefficients,
    which is 1 unless `normalise` is "count".

    Args:
        x: the server's trained entries, `(d,)`; left untouched.
        rows: one update per row, `(K, d)`.
        coefficients: what `weights` returned, `(K,)`.
        rule: what is averaged, and how.
        by_age: weight of each update by its age alone, `(K,)`; needed for "mixing".
        starts: trained entries that each client started from, `(K, d)`; needed unless "updates".
        covered: 1 for the entries that an update trained, `(K, d)`; `None`: all.

    Raises:
        OverflowStepError: the result is not finite; the model stays as it was.
        ValueError: arrays of unlike length, or what the rule needs is missing.

    Source: see the module; a plain mean of updates is `combine`.

    Example:
        >>> import torch
        >>> x, start = torch.tensor([4.0]), torch.tensor([[1.0]])
        >>> update = torch.tensor([[0.5]])  # the client moved from 1.0 to 1.5
        >>> for rule in (StepRule("updates"), StepRule("models"), StepRule("mixing")):
        ...     server_step(x, update, [1.0], rule, by_age=[0.5], starts=start).tolist()
        [4.5]
        [1.5]
        [2.75]
    """
    c = np.asarray(coefficients, dtype=float)
    if rule.needs_starts:
        rows = _from_present_model(x, rows, starts)
    if rule.combine == "mixing":
        ages_given = by_age is not None and len(by_age) == len(rows)
        require(ages_given, "'mixing' without by_age", "one weight per update")
        c = c * np.mean(np.asarray(by_age, dtype=float))
    if rule.cut is None:
        return combine(x, rows, c, rule.server_rate, covered)
    mean = robust_mean(rows, c, rule.cut, covered)
    return require_finite(x + rule.server_rate * float(c.sum()) * mean)


def _from_present_model(x: Tensor, rows: Tensor, starts: Tensor | None) -> Tensor:
    """Return what the clients' models are ahead of the server's present one, `(K, d)`."""
    if starts is None or starts.shape != rows.shape:
        given = "None" if starts is None else f"of shape {tuple(starts.shape)}"
        raise ValueError(f"starts = {given}; allowed: {tuple(rows.shape)}, a start per update.")
    return rows + (starts - x)
