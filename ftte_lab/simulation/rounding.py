"""Round what travels in a run: the server's model on its way down, an update on its way up.

Down, an entry goes to the nearest value that the message can hold. So all clients of a version
start from one model, and can be trained together. Up, with 8 bits, it is rounded by chance, so that
the mean of many updates is right. The server adds updates to its own float32 model. What travels
beside (a variance that the client measured) is a number of its own and is not rounded.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ftte_lab.models import RowFormat, from_rows, insert
from ftte_lab.simulation.cohorts import ServerVersion
from ftte_lab.simulation.prepared import Prepared

_TAG = 4101  # keeps this random stream apart from every other use of the same seed


class Rounding:
    """Pass the rows of a run through the messages in which they travel.

    Args:
        prepared: the prepared run.
    """

    def __init__(self, prepared: Prepared) -> None:
        s, model = prepared.scenario, prepared.federation.model
        self.bits, self.seed = s.payload_bits, s.seed
        self.model, self.tiers, self.timeline = model, prepared.tiers, prepared.timeline
        self.tier = prepared.tier
        self.down = RowFormat.of(model, self.tiers.union.subset, self.bits, names=s.payload_names)
        self.up = [
            RowFormat.of(model, tier.sent.subset, self.bits, names=s.payload_names)
            for tier in self.tiers.tiers
        ]

    def downloaded(self, start: ServerVersion) -> ServerVersion:
        """Return a version of the server's model as its clients receive it."""
        if self.bits == 32:
            return start
        row, subset = self.received(start.row), self.tiers.union.subset
        slices = from_rows(self.model, subset, row)
        return ServerVersion(start.version, insert(self.model, subset, start.params, slices), row)

    def received(self, row: Tensor) -> Tensor:
        """Return the server's trained entries `(d,)` as its clients receive them."""
        return row if self.bits == 32 else self.down.unpack(self.down.pack(row))

    def uploaded(self, participations: np.ndarray, rows: Tensor) -> Tensor:
        """Return updates `(K, d)` as the server receives them.

        The draws depend on the seed, the client and its visit alone.

        Args:
            participations: indices into the timeline, `(K,)`.
            rows: one update per row, in the entries of the server's row.
        """
        if self.bits == 32:
            return rows
        received = torch.zeros_like(rows)
        clients, visits = self.timeline.client[participations], self.timeline.visit[participations]
        for k, (client, visit) in enumerate(zip(clients.tolist(), visits.tolist(), strict=True)):
            tier = self.tier[participations[k]]
            form = self.up[tier]
            at = self.tiers.columns[tier] if len(self.tiers) > 1 else slice(None)
            row = rows[k, at]
            received[k, at] = form.unpack(packed_update(form, row, self.seed, client, visit))
        return received


def packed_update(form: RowFormat, row: Tensor, seed: int, client: int, visit: int) -> bytes:
    """Return the message by which a client sends its update.

    Args:
        form: of the message.
        row: the update, `(d,)`.
        seed: of the run.
        client: who sends.
        visit: how many participations it had before.
    """
    draws = None
    if form.bits == 8:
        draws = np.random.default_rng([_TAG, seed, client, visit]).random(len(row))
    return form.pack(row, draws)
