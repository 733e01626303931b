"""Correct the drift of local training: FedProx and SCAFFOLD, the server's half.

Clients with different data pull the model in different directions. Both methods change the gradient
of every local step, and both need one more number per trained entry on the device:

* FedProx (Li et al. 2020, "Federated Optimization in Heterogeneous Networks", Algorithm 2) adds `mu
  (w - w_start)`, the gradient of `mu/2 |w - w_start|^2`. It needs nothing of the server and sends
  nothing more.
* SCAFFOLD (Karimireddy et al. 2020, Algorithm 1, option II) adds `c - c_i`: the server's control
  variate minus the client's own. Each is an estimate of a mean gradient, of the federation and of
  the client. Both variates travel.

`train_cohort(proximal=, offsets=)` and `DeviceTrainer(proximal=, offset=)` are the client's half.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import Registry, integer, number, require


class CorrectionState(Protocol):
    """Keep what the server and each client remember between rounds for a correction."""

    server: Tensor

    def offsets(self, clients: Sequence[int], downloaded: Tensor | None = None) -> Tensor:
        """Return the row that each client adds to its gradients, `(C, entries)`."""

    def update(
        self, clients: Sequence[int], rows: Tensor, offsets: Tensor, *, steps: int, rate: float
    ) -> None:
        """Learn from the applied updates `rows` `(C, entries)`, trained with `offsets`."""


@dataclass(frozen=True)
class ClientCorrection:
    """Describe one client correction.

    Attributes:
        name: key in `CORRECTIONS`.
        source: paper and section, or "our reconstruction".
        messages: how many times the payload travels in each direction per participation.
        state_vectors: numbers per trained entry that the device keeps during a step, beside the
            weights: 0 or 1.
        proximal: whether local training pulls back to its start with the scenario's `proximal`
            (FedProx's mu).
        state: makes the state for `(clients, entries)`, or `None` if nothing is remembered between
            rounds.
    """

    name: str
    source: str
    messages: int = 1
    state_vectors: int = 1
    proximal: bool = False
    state: Callable[[int, int], CorrectionState] | None = None

    def __post_init__(self) -> None:
        for name, low, high in (("messages", 1, 1000), ("state_vectors", 0, 1)):
            value = integer(f"{self.name}: {name}", getattr(self, name), low, high)
            object.__setattr__(self, name, value)

    @property
    def keeps_state(self) -> bool:
        """Return whether a client remembers something from one participation to the next."""
        return self.state is not None


class ControlVariates:
    """Keep SCAFFOLD's control variates: `server` is c, `clients[i]` is c_i, all zero at first.

    `server` always equals the mean of all rows of `clients`, rounding apart.

    Args:
        clients: number of clients N.
        entries: trained entries d of the subset.
        dtype: of all variates.

    Example:
        >>> import torch
        >>> variates = ControlVariates(clients=2, entries=1)
        >>> used = variates.offsets([0])
        >>> moved = torch.tensor([[-0.6]])  # two steps at rate 0.1 along gradients of mean 3
        >>> variates.update([0], moved, used, steps=2, rate=0.1)
        >>> variates.clients.flatten().tolist(), variates.server.tolist()
        ([3.0, 0.0], [1.5])
        >>> variates.offsets([0, 1]).flatten().tolist()
        [-1.5, 1.5]

    Raises:
        ValueError: less than one client or entry.
    """

    def __init__(self, clients: int, entries: int, dtype: torch.dtype = torch.float32) -> None:
        integer("clients", clients, 1)
        integer("entries", entries, 1)
        self.server = torch.zeros(entries, dtype=dtype, device="cpu")
        self.clients = torch.zeros(clients, entries, dtype=dtype, device="cpu")

    def offsets(self, clients: Sequence[int], downloaded: Tensor | None = None) -> Tensor:
        """Return `c - c_i` of the given clients, `(C, d)`: what each adds to all its gradients.

        Args:
            clients: their indices.
            downloaded: the c of the server version from which they start, `(d,)`; `None`: the
                present one. An asynchronous server must keep a copy of `server` for each version
                that a client still trains from.

        Raises:
            ValueError: an unknown client, or a variate of another length.
        """
        server = self.server if downloaded is None else downloaded
        require(
            server.shape == self.server.shape,
            f"the downloaded variate has shape {tuple(server.shape)}",
            f"{tuple(self.server.shape)}, one number per trained entry",
        )
        return server - self.clients[self._index(clients)]

    def update(
        self, clients: Sequence[int], rows: Tensor, offsets: Tensor, *, steps: int, rate: float
    ) -> None:
        """Replace the variates of clients whose updates the server has just applied, and move c.

        `c_i+ = c_i - c + (x - y) / (K rate) = -row / (K rate) - offset`, with the c_i and the c
        that the client
        trained with: they are in its offset. So c is the one of its start version, however old.
        Then `c += sum(c_i+ - c_i) / N`. The rows must come from plain SGD without momentum, else
        `row / (K rate)` is not the mean of the gradients.

        An update that is lost or rejected leaves both variates as they were: the server never
        learns of it, and the client drops its own half, so that c stays the mean of all c_i. The
        same holds where a variate would not be finite. If a client appears twice, its last row
        counts.

        Args:
            clients: their indices, in the order of application.
            rows: trained entries after minus before training, `(C, d)`.
            offsets: what `offsets` returned for these participations, `(C, d)`.
            steps: local steps K.
            rate: local learning rate.

        Raises:
            ValueError: an unknown client, arrays of other shapes, less than one step, or a rate of
                0.
        """
        steps = integer("steps", steps, 1)
        rate = number("rate", rate, 0.0)
        require(rate > 0, "rate = 0", "above 0", "Without steps there is nothing to learn from")
        index = self._index(clients)
        wanted = (len(index), len(self.server))
        for name, value in (("rows", rows), ("offsets", offsets)):
            fits = tuple(value.shape) == wanted
            require(fits, f"{name} of shape {tuple(value.shape)}", f"{wanted}, one row per client")
        last = {client: k for k, client in enumerate(index.tolist())}
        index, kept = (
            torch.tensor(list(last), device="cpu"),
            torch.tensor(list(last.values()), device="cpu"),
        )
        new = (rows[kept] / -(steps * rate)).sub_(offsets[kept]).to(self.clients.dtype)
        finite = (new - new).sum(1) == 0
        if not bool(finite.all()):
            index, new = index[finite], new[finite]
        server = self.server + (new - self.clients[index]).sum(0) / len(self.clients)
        if bool(server.isfinite().all()):
            self.server = server
            self.clients[index] = new

    def _index(self, clients: Sequence[int]) -> Tensor:
        index = np.asarray(clients, dtype=np.int64)
        known = index.ndim == 1 and bool(((index >= 0) & (index < len(self.clients))).all())
        allowed = f"a list of indices from 0 to {len(self.clients) - 1}"
        require(known and len(index) > 0, f"clients = {clients!r}", allowed)
        return torch.from_numpy(index)


def _check(name: str, entry: Any) -> None:
    kind = isinstance(entry, ClientCorrection)
    require(kind, f"the client correction {name!r} is {entry!r}", "a ClientCorrection")
    same = f"ClientCorrection(name={name!r}, ...)"
    require(entry.name == name, f"the client correction {name!r} is named {entry.name!r}", same)


CORRECTIONS: Registry[ClientCorrection] = Registry(
    "client correction",
    {
        "none": ClientCorrection("none", "plain local SGD (McMahan et al. 2017)", state_vectors=0),
        "proximal": ClientCorrection(
            "proximal", "FedProx: Li et al. 2020, Algorithm 2", proximal=True
        ),
        "control_variates": ClientCorrection(
            "control_variates",
            "SCAFFOLD: Karimireddy et al. 2020, Algorithm 1, option II",
            messages=2,
            state=ControlVariates,
        ),
    },
    _check,
)
