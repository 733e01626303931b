"""Faulty devices: who they are, and what they do wrong.

    labels    all training labels of the client are drawn at random
    noise     it sends Gaussian noise in place of its update, ten times as long
    scale     it sends its update ten times as long, in the opposite direction
    replay    it sends its first update again, for ever

With "labels" the client is honest and learns what is wrong. With the other three its training is
right, and the message is wrong. So whatever the client measures beside its update, as the variance
of its steps, is what an honest client would report: a server that trusts it notices nothing. A
replayed message repeats the measured variance of the first. The server dates an update by the
version that it handed out, so it takes a replayed update for a fresh one.

Source: the forms of Blanchard et al. 2017 (Gaussian noise; opposite gradients, scaled) and Yin et
al. 2018 (random labels); the factors, and the replay, are ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import choice, integer, number, require

Array = np.ndarray

FAULTS = ("none", "labels", "noise", "scale", "replay")
"""What a faulty device may do."""

NOISE_LENGTH = 10.0
"""Length of the noise that is sent in place of an update, in lengths of the update."""

SCALE = -10.0
"""Factor of an update that is sent ten times as long, in the opposite direction."""

_MOST_CLIENTS, _MOST_CLASSES = 10_000_000, 1_000_000
_WHO, _LABELS, _NOISE = 3101, 3102, 3103  # keep these random streams apart from every other


def faulty_clients(clients: int, share: float, seed: int) -> Array:
    """Draw which clients are faulty, `(clients,)` of bool.

    The draw depends on nothing but its arguments, so it is the same for every method. A larger
    share adds clients to those of a smaller one.

    Args:
        clients: how many there are.
        share: of the clients that are faulty, 0 to 1, rounded to whole clients.
        seed: of the draw.

    Raises:
        ValueError: less than one client, or a share out of range.

    Example:
        >>> int(faulty_clients(100, 0.1, seed=0).sum())
        10
    """
    clients = integer("clients", clients, 1, _MOST_CLIENTS)
    share = number("share", share, 0.0, 1.0)
    seed = integer("seed", seed, 0)
    order = np.random.default_rng([_WHO, seed]).permutation(clients)
    faulty = np.zeros(clients, dtype=bool)
    faulty[order[: round(share * clients)]] = True
    return faulty


def random_labels(
    labels: Array, shards: Sequence[Array], faulty: Array, classes: int, seed: int
) -> Array:
    """Return the labels with those of faulty clients drawn at random, evenly over the classes.

    By chance one of `classes` labels stays right.

    Args:
        labels: class numbers of all training samples, `(n,)`; left untouched.
        shards: positions of the samples of each client.
        faulty: which clients are faulty, `(clients,)`.
        classes: how many there are.
        seed: of the draw; each client has a stream of its own.

    Raises:
        ValueError: unlike numbers of shards and clients.

    Source: Yin et al. 2018, experiments.

    Example:
        >>> labels, shards = np.zeros(6, int), [np.arange(3), np.arange(3, 6)]
        >>> random_labels(labels, shards, np.array([False, True]), 5, seed=0)[:3].tolist()
        [0, 0, 0]
    """
    given = f"{len(shards)} shards, {len(faulty)} clients"
    require(len(shards) == len(faulty), given, "equally many")
    classes, seed = integer("classes", classes, 1, _MOST_CLASSES), integer("seed", seed, 0)
    wrong = labels.copy()
    for client in np.flatnonzero(faulty).tolist():
        rng = np.random.default_rng([_LABELS, seed, client])
        wrong[shards[client]] = rng.integers(0, classes, len(shards[client]))
    return wrong


class FaultyMessages:
    """Replace what faulty clients send.

    Args:
        fault: one of `FAULTS`; "none" and "labels" change no message.
        faulty: which clients are faulty, `(clients,)` of bool.
        seed: of the noise.

    Raises:
        ValueError: an unknown fault.
    """

    def __init__(self, fault: str, faulty: Array, seed: int) -> None:
        choice("fault", fault, FAULTS)
        self.fault, self.seed = fault, integer("seed", seed, 0)
        self.faulty = faulty & (fault in ("noise", "scale", "replay"))
        self._first: dict[int, list[Tensor]] = {}

    def sent(self, clients: Array, visits: Array, message: Sequence[Tensor]) -> list[Tensor]:
        """Return what arrives in place of the messages that these clients meant to send.

        A replayed message is the first one of its client in the order of the calls, with all its
        parts. Noise is zero wherever the update is: a client sends no entry that it does not train.

        Args:
            clients: who sends, `(K,)`.
            visits: how many participations each had before, `(K,)`; the noise depends on it.
            message: its parts, with a row per client: first the updates `(K, d)`, then whatever
                travels beside them.

        Example:
            >>> import torch
            >>> messages = FaultyMessages("scale", np.array([False, True]), seed=0)
            >>> updates = torch.tensor([[1.0, 2.0], [1.0, 2.0]])
            >>> messages.sent(np.array([0, 1]), np.array([0, 0]), [updates])[0].tolist()
            [[1.0, 2.0], [-10.0, -20.0]]
        """
        at = np.flatnonzero(self.faulty[clients]).tolist()
        if not at:
            return list(message)
        parts = [part.clone() for part in message]
        for k in at:
            client = int(clients[k])
            if self.fault == "scale":
                parts[0][k] *= SCALE
            elif self.fault == "noise":
                parts[0][k] = self._noise(parts[0][k], client, int(visits[k]))
            else:
                first = self._first.setdefault(client, [part[k].clone() for part in parts])
                for part, value in zip(parts, first, strict=True):
                    part[k] = value
        return parts

    def _noise(self, update: Tensor, client: int, visit: int) -> Tensor:
        """Return noise of `NOISE_LENGTH` times the update's length, where the update is not 0."""
        rng = np.random.default_rng([_NOISE, self.seed, client, visit])
        drawn = torch.from_numpy(rng.standard_normal(len(update))) * (update != 0)
        length = NOISE_LENGTH * update.double().norm()
        return (drawn * (length / drawn.norm().clamp_min(1e-300))).to(update.dtype)
