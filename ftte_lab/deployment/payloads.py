"""Pack what a node downloads, and read what it uploads, at the server."""

from __future__ import annotations

import torch
from torch import Tensor

from ftte_lab.models import RowFormat, flatten_trained, from_rows, frozen, full, insert, pack
from ftte_lab.simulation import Prepared, Rounding, federation


class Payloads:
    """Serialise the server's model for its nodes, and read their updates.

    A client's first job holds the complete model, and the index of what it trains. Later jobs hold
    the trained entries alone. The bytes are those that `simulation` predicts.

    Args:
        prepared: the prepared run.
    """

    def __init__(self, prepared: Prepared) -> None:
        s, tiers = prepared.scenario, prepared.tiers
        self.model, self.tiers = prepared.federation.model, tiers
        self.union = tiers.union.subset
        self._params = prepared.federation.params
        self._formats = Rounding(prepared)
        self._everything = full(self.model)
        self._in_one = s.payload_bits == 32 and s.payload_names
        self._rows: dict[int, bytes] = {}
        self._frozen = self._frozen_part(s.payload_bits, s.payload_names, federation(s).params)

    @property
    def most_upload_bytes(self) -> int:
        """Return the length of the longest update."""
        return max(tier.traffic.upload for tier in self.tiers.tiers)

    def parts(self, version: int, row: Tensor, tier: int, whole: bool) -> dict[str, bytes]:
        """Return what a job carries.

        Args:
            version: of the server's model.
            row: its trained entries, `(d,)`.
            tier: of the client.
            whole: whether the node has no model yet.
        """
        if not whole:
            return {"row": self._row(version, row)}
        subset = self.tiers.tiers[tier].plan.subset
        index = {} if subset == self._everything else {"index": subset.to_json().encode()}
        if self.union == self._everything:
            return {"row": self._row(version, row), **index}
        if self._in_one:
            slices = from_rows(self.model, self.union, row)
            return {"model": pack(insert(self.model, self.union, self._params, slices)), **index}
        return {"frozen": self._frozen, "row": self._row(version, row), **index}

    def update(self, tier: int, payload: bytes) -> Tensor:
        """Return the update in a message, in the entries of the server's row, `(d,)`.

        Raises:
            ValueError: the message is none of this tier.
        """
        try:
            row = self._formats.up[tier].unpack(payload)
        except ValueError:
            raise
        except Exception as error:  # garbage of any kind
            raise ValueError("the update is unreadable; allowed: what a node sends.") from error
        if len(self.tiers) == 1:
            return row
        out = torch.zeros(self.union.entries(self.model), dtype=torch.float32, device="cpu")
        out[self.tiers.columns[tier]] = row
        return out

    def forget_before(self, version: int) -> None:
        """Forget the messages of older versions."""
        self._rows = {v: message for v, message in self._rows.items() if v >= version}

    def _row(self, version: int, row: Tensor) -> bytes:
        if version not in self._rows:
            self._rows[version] = self._formats.down.pack(row)
        return self._rows[version]

    def _frozen_part(self, bits: int, names: bool, params: dict[str, Tensor]) -> bytes:
        """Pack the frozen entries as they were at first: rounding twice is not rounding once."""
        subset = frozen(self.model, self.union)
        if self._in_one or not len(subset):
            return b""
        form = RowFormat.of(self.model, subset, bits, names=names)
        return form.pack(flatten_trained(self.model, subset, params))
