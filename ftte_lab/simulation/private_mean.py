"""Average a buffer so that its devices keep their secrets: clip, masks, noise, in this order.

    plain    sum_i w_i D_i / sum_i w_i                       the server sees each D_i
    masked   the same, where the server sees both sums only
    private  (sum_i clip(w_i D_i, C) + N(0, (zC)^2)) / K     K fixed; also with masks

Each device weighs its own update (`own_weights`), from numbers that everybody may know:

* an ordinary variance is C^2/d where updates are clipped: that of an update as long as the clip;
* under masks alone it is a running median, to which each device adds one masked bit;
* a device has its full weight from `samples_per_client` samples on.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ftte_lab.server import (
    LARGEST_GROUP,
    LEAST_GROUP,
    MovingQuantile,
    WeightRule,
    clip_rows,
    largest_entry,
    masked_sum,
    noise_row,
    own_weights,
    split_noise,
)
from ftte_lab.simulation.prepared import Prepared
from ftte_lab.simulation.privacy_checks import clip_under_masks

Sent = tuple[np.ndarray, Counter[str]]
_COUNT_STREAM = 1 << 40  # the noise of a step's count: another step number than any row has
_LARGEST_LOG = 60.0


class PrivateMean:
    """Average the updates of a server step behind a clip, masks or both.

    Args:
        prepared: the prepared run; it has a clip norm or secure aggregation.
        rule: how much age, variance and samples count.
    """

    def __init__(self, prepared: Prepared, rule: WeightRule) -> None:
        s = prepared.scenario
        self.prepared, self.secure = prepared, s.secure_aggregation
        self._rule, self._samples_ref = rule, float(s.samples_per_client)
        self._clip = None
        if s.clip_norm is not None:
            self._clip = MovingQuantile(s.clip_norm, s.clip_quantile)
        self._noise, self._count_noise = s.noise_multiplier, 0.0
        if s.adaptive_clip:
            self._noise, self._count_noise = split_noise(s.noise_multiplier)
        self._ordinary: MovingQuantile | None = None

    @classmethod
    def of(cls, prepared: Prepared, rule: WeightRule) -> PrivateMean | None:
        """Return it for a run that needs it, else `None`.

        Args:
            prepared: the prepared run.
            rule: how much age, variance and samples count.
        """
        s = prepared.scenario
        return cls(prepared, rule) if s.secure_aggregation or s.clip_norm is not None else None

    @property
    def clip_norm(self) -> float | None:
        """Return the clip norm now; `None`: no update is shortened."""
        return None if self._clip is None else self._clip.value

    @property
    def always_steps(self) -> bool:
        """Report whether the noise of a step comes even if no update does."""
        return self._noise > 0

    def sent(self, version: int, rows: Tensor, places: np.ndarray) -> Sent:
        """Return the places of the updates that their devices send, and count the others.

        Args:
            version: of the server.
            rows: all updates of the buffer, `(K, d)`.
            places: of those that are well formed.
        """
        refused: Counter[str] = Counter()
        if not self.secure:
            return places, refused
        most = largest_entry(len(places) + self._lost(version, len(places)) or 1)
        largest = rows[torch.as_tensor(places, device="cpu")].abs().amax(1).numpy()
        refused["no code"] = int((largest > most).sum())
        places = places[largest <= most]
        if len(places) < LEAST_GROUP:
            refused["alone"], places = len(places), places[:0]
        return places, +refused

    def mean(
        self,
        version: int,
        rows: Tensor,
        ages: np.ndarray,
        variances: np.ndarray,
        samples: np.ndarray,
        at: Tensor | slice = slice(None),
    ) -> tuple[Tensor, np.ndarray]:
        """Return the mean of the updates, `(d,)`, and the coefficient of each, `(K,)`.

        Args:
            version: of the server.
            rows: one update per row, `(K, d)`.
            ages: staleness of each.
            variances: variance of each.
            samples: training samples behind each.
            at: where the entries stand in the server's row.
        """
        weights = self._weights(rows.shape[1], ages, variances, samples)
        weighted = rows.double() * torch.as_tensor(weights, device="cpu")[:, None]
        if self._clip is None:
            return self._masked_mean(version, weighted, weights, variances)
        norm, updates = self._clip.value, self.prepared.timeline.policy.buffer
        allowed = clip_under_masks(norm, rows.shape[1]) if self.secure else norm
        clipped, factors = clip_rows(weighted, allowed)
        whole = (factors == 1).astype(float)
        total, inside = self._sum(version, clipped, [whole])
        total = total + self._noise_of(version, rows.shape[1], at, norm)
        if self.prepared.scenario.adaptive_clip:
            self._move_clip(version, float(inside[0]) - len(rows) / 2, updates)
        mean = torch.as_tensor(total / updates, device="cpu").to(rows.dtype)
        return mean, weights * factors / updates

    def _weights(
        self, entries: int, ages: np.ndarray, variances: np.ndarray, samples: np.ndarray
    ) -> np.ndarray:
        rule, reference = self._rule, 1.0
        if self._clip is not None:
            reference = self._clip.value**2 / max(1, entries)
        elif self._ordinary is not None:
            reference = self._ordinary.value
        else:  # nobody knows yet what is ordinary
            rule = replace(rule, variance_exponent=0.0)
        refs = {"variance_ref": reference, "samples_ref": self._samples_ref}
        return own_weights(ages, variances, samples, rule, **refs)

    def _masked_mean(
        self, version: int, weighted: Tensor, weights: np.ndarray, variances: np.ndarray
    ) -> tuple[Tensor, np.ndarray]:
        """Divide the sum of masked updates by that of their masked weights, or by their number."""
        known = self._ordinary
        if known is None:
            logs = np.log(np.maximum(variances, math.exp(-_LARGEST_LOG)))
            word = np.minimum(logs, _LARGEST_LOG)
        else:
            word = (variances <= known.value).astype(float)
        total, (weight, words) = self._sum(version, weighted, [weights, word])
        share, count = float(words) / len(weights), float(len(weights))
        if self._rule.variance_exponent:
            if known is None:
                self._ordinary = MovingQuantile(min(1e12, max(1e-12, math.exp(share))))
            else:
                known.move(share)
        divisor = count if self._rule.normalise == "count" else float(weight)
        if divisor <= 0:
            return torch.zeros_like(weighted[0]).float(), weights * 0.0
        mean = torch.as_tensor(total / divisor, device="cpu").float()
        return mean, weights / (count if self._rule.normalise == "count" else weights.sum())

    def _sum(
        self, version: int, rows: Tensor, beside: list[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Add the rows, and the numbers beside them; under masks, if there are any."""
        values = np.column_stack([rows.numpy(), *beside])
        if not self.secure:
            total = values.sum(0)
        elif not len(values):
            total = np.zeros(values.shape[1])
        else:
            lost = self._lost(version, len(values))
            ready = np.vstack([values, np.zeros((lost, values.shape[1]))])
            total = masked_sum(ready, lost=range(len(values), len(ready))).total
        return total[: rows.shape[1]], total[rows.shape[1] :]

    def _lost(self, version: int, left: int) -> int:
        """Count the devices that the group of a step loses; at most as many as a group holds."""
        lost = int(self.prepared.lost_when_ready[version])
        return max(0, min(lost, LARGEST_GROUP - left))

    def _noise_of(
        self, version: int, entries: int, at: Tensor | slice, clip_norm: float
    ) -> np.ndarray:
        """Draw the noise of a step, in the entries that somebody in its buffer trains."""
        seed = self.prepared.scenario.seed
        noise = noise_row(entries, clip_norm, self._noise, seed=seed, step=version)
        tiers = self.prepared.tiers
        if len(tiers) > 1:  # phases, which everybody knows
            members = self.prepared.timeline.buffer_of(version)
            trained = tiers.coverage[np.unique(self.prepared.tier[members])].amax(0)[at]
            noise = noise * trained.numpy()
        return noise

    def _move_clip(self, version: int, above_half: float, updates: int) -> None:
        """Move the clip norm by the noisy share of updates that it left as they are."""
        assert self._clip is not None  # noqa: S101
        seed, step = self.prepared.scenario.seed, version + _COUNT_STREAM
        noise = noise_row(1, 1.0, self._count_noise, seed=seed, step=step)
        self._clip.move(0.5 + (above_half + float(noise[0])) / updates)
