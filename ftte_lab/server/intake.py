"""Check what arrives at the server before it is averaged, and count what is not.

A client may send anything: by a fault, by a bad line, or on purpose. An update counts only if it
has the right shape, holds numbers, starts from a version that the server has made, and was not
applied before. The server dates an update by its own record of what it handed out, never by what
the client says, where it can.

What is well formed and wrong all the same, such as noise, passes. A robust mean is the answer to
that (`robust_mean`), and the weight by variance helps.

Source: our reconstruction; the paper does not say what its server checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import integer, require

Array = np.ndarray

REASONS = (
    "future version",
    "no version",
    "wrong shape",
    "not finite",
    "replayed",
    "overflow",
    "no code",
    "alone",
)
"""Why an update may not count.

"overflow": the step that it was part of left float32. Under masks also "no code": an entry is too
large to be masked, so that its device does not send it; and "alone": no other update was there to
hide it.
"""


def rejections(
    rows: Tensor | Sequence[Any],
    entries: int,
    start_versions: Sequence[int] | Array,
    version: int,
    beside: Sequence[Tensor | Array] = (),
) -> list[str | None]:
    """Name why the server must not average an update, or `None` if it may, for each row.

    Args:
        rows: one update per row, `(K, d)`; or a list of K messages of any shape, as they came.
        entries: how long an update must be.
        start_versions: server version that each update started from.
        version: the server's version now.
        beside: what travels beside the updates, such as measured variances; a row per update.

    Returns:
        `future version`, `no version` (negative, or no integer), `wrong shape` (not `entries`
        numbers in a row), `not finite` or `None` per update.

    Raises:
        ValueError: unlike numbers of updates, versions and what travels beside.

    Example:
        >>> import torch
        >>> rejections(torch.tensor([[1.0, 2.0], [1.0, float("nan")]]), 2, [0, 0], 3)
        [None, 'not finite']
        >>> rejections([[1.0, 2.0], [1.0], "noise"], 2, [4, 0, 0], 3)
        ['future version', 'wrong shape', 'wrong shape']
    """
    for part in (start_versions, *beside):
        given = f"{len(rows)} updates with {len(part)} numbers beside them"
        require(len(part) == len(rows), given, "equally many")
    if isinstance(rows, Tensor) and rows.ndim == 2:
        shaped = [rows.shape[1] == entries] * len(rows)
        finite = _finite(rows)
    else:
        checked = [_row(row, entries) for row in rows]
        shaped = [row is not None for row in checked]
        finite = np.array([row is not None and bool(_finite(row[None])[0]) for row in checked])
    for part in beside:
        finite = finite & _finite(torch.as_tensor(part, device="cpu").reshape(len(rows), -1))
    return [
        _dated(start, version) or _formed(fits, good)
        for start, fits, good in zip(start_versions, shaped, finite.tolist(), strict=True)
    ]


def _finite(rows: Tensor) -> Array:
    """Mark the rows without an infinite entry or nan; x - x is 0, or nan."""
    return ((rows - rows).sum(1) == 0).numpy()


def _row(message: Any, entries: int) -> Tensor | None:
    """Return a message as a row of `entries` real numbers, or `None` if it is none."""
    try:
        row = torch.as_tensor(message, device="cpu")
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None
    real = row.dtype != torch.bool and not row.is_complex()
    return row.double() if real and row.shape == (entries,) else None


def _dated(start: Any, version: int) -> str | None:
    try:
        known = start >= 0 and start == int(start)
    except (TypeError, ValueError, OverflowError):
        known = False
    if known and start > version:
        return "future version"
    return None if known else "no version"


def _formed(fits: bool, finite: bool) -> str | None:
    if not fits:
        return "wrong shape"
    return None if finite else "not finite"


class Intake:
    """Let each update count at most once, and only if it is well formed; count the others.

    A client does one participation after the other, and they are numbered. So an update is a replay
    unless its number is higher than that of the client's last one that counted.

    Args:
        entries: how long an update must be.

    Attributes:
        rejected: how many updates did not count, by reason (see `REASONS`).

    Raises:
        ValueError: less than one entry.

    Example:
        >>> import torch
        >>> intake = Intake(entries=1)
        >>> one = torch.tensor([[1.0]])
        >>> intake.accepted([7], [0], one, [0], version=0), dict(intake.rejected)
        (array([0]), {})
        >>> intake.accepted([7], [0], one, [0], version=1), dict(intake.rejected)
        (array([], dtype=int64), {'replayed': 1})
    """

    def __init__(self, entries: int) -> None:
        self.entries = integer("entries", entries, 1)
        self.rejected: Counter[str] = Counter()
        self._last: dict[int, int] = {}

    def accepted(
        self,
        clients: Sequence[int] | Array,
        visits: Sequence[int] | Array,
        rows: Tensor | Sequence[Any],
        start_versions: Sequence[int] | Array,
        version: int,
        beside: Sequence[Tensor | Array] = (),
    ) -> Array:
        """Return the positions of the updates that count, and remember them.

        Args:
            clients: who sent each update, `(K,)`.
            visits: which participation of its client it is, rising, `(K,)`.
            rows: as in `rejections`.
            start_versions: as in `rejections`.
            version: as in `rejections`.
            beside: as in `rejections`.

        Raises:
            ValueError: unlike numbers of updates and whatever belongs to them.
        """
        given = f"{len(rows)} updates of {len(clients)} clients with {len(visits)} visits"
        require(len(rows) == len(clients) == len(visits), given, "equally many")
        reasons = rejections(rows, self.entries, start_versions, version, beside)
        counted = []
        for k, (client, visit) in enumerate(
            zip(np.asarray(clients).tolist(), np.asarray(visits).tolist(), strict=True)
        ):
            reason = reasons[k]
            if reason is None and visit <= self._last.get(client, -1):
                reason = "replayed"
            if reason is None:
                self._last[client] = visit
                counted.append(k)
            else:
                self.rejected[reason] += 1
        return np.array(counted, dtype=np.int64)
