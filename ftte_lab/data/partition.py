"""Which client holds which samples: by person, by label skew, or evenly."""

from __future__ import annotations

import numpy as np

from ftte_lab._common import choice, integer, number, require
from ftte_lab.data.types import Dataset, Shards

_TAG = 2201
_ROUNDING = 1e-6  # by which shares may miss the sum of 1
PARTITIONS = ("person", "label", "iid")
"""The ways to divide a data set that `split` knows."""


def split(
    dataset: Dataset, clients: int, *, by: str = "iid", alpha: float | None = None, seed: int = 0
) -> Shards:
    """Divide training and test data over the clients, each sample to exactly one of them.

    - `person`: a client is a person. With more people than clients, client c gets persons c,
      c + clients, and so on; with fewer, the samples of a person are divided over several clients.
    - `label`: per class, the shares of the clients are drawn from a Dirichlet distribution of
      concentration alpha. The test data follow the same shares.
    - `iid`: divided at random.

    A client left without training samples gets one from the client with most.

    Args:
        dataset: the data.
        clients: 2 up to the number of training samples.
        by: one of `PARTITIONS`.
        alpha: for `label` only; small is skewed, large is even.
        seed: of the draw.

    Raises:
        ValueError: an unknown way, an alpha that is missing or not used, a data set without
            persons, or more clients than training samples.

    Source:
        Li et al. 2022, arXiv 2102.02079, "label distribution skew".

    Example:
        >>> from ftte_lab.data import load, split
        >>> digits = load("digits")
        >>> [len(own) for own in split(digits, 4).train]
        [315, 314, 314, 314]
        >>> skewed = split(digits, 4, by="label", alpha=0.1)
        >>> skewed.class_counts(digits)[0].tolist()
        [113, 0, 0, 0, 2, 0, 0, 117, 0, 0]
    """
    choice("by", by, PARTITIONS)
    fix = "A client needs at least one training sample"
    clients = integer("clients", clients, 2, len(dataset.y_train), fix)
    seed = integer("seed", seed, 0)
    require(
        by == "label" or alpha is None,
        f"alpha = {alpha!r} with by = {by!r}",
        "None",
        "Use by = 'label'",
    )
    rng = np.random.default_rng([_TAG, seed, clients])
    both = (dataset.y_train, dataset.y_test)
    if by == "person":
        persons = _persons(dataset)
        parts = [_by_person(person, dataset.people, clients, rng) for person in persons]
    elif by == "label":
        alpha = number("alpha", alpha, 1e-3, 1e6, "Small is skewed, large is even")
        shares = rng.dirichlet(np.full(clients, alpha), dataset.n_classes)
        parts = [divide_by_label(labels, shares, rng) for labels in both]
    else:
        parts = [np.array_split(rng.permutation(len(labels)), clients) for labels in both]
    train, test = parts
    return Shards(tuple(_fill_empty(train)), tuple(np.sort(part) for part in test))


def divide_by_label(
    labels: np.ndarray, shares: np.ndarray, rng: np.random.Generator
) -> list[np.ndarray]:
    """Divide the samples of each class at given shares, rounded so that no sample is lost.

    Args:
        labels: `(n,)` class numbers.
        shares: `(classes, clients)`, each row sums to 1.
        rng: shuffles the samples of each class first.

    Returns:
        Positions per client, class by class.

    Raises:
        ValueError: shares that are not finite, negative, or do not sum to 1.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> parts = divide_by_label(np.zeros(8, int), np.array([[0.75, 0.25]]), rng)
        >>> [len(part) for part in parts]
        [6, 2]
    """
    dealt = shares.ndim == 2 and len(shares) > 0 and bool(((shares >= 0) & (shares <= 1)).all())
    dealt = dealt and bool((np.abs(shares.sum(1) - 1) < _ROUNDING).all())
    allowed = "(classes, clients), each row from 0 upwards with the sum 1"
    require(dealt, f"shares of shape {shares.shape} with another sum or sign", allowed)
    parts: list[list[np.ndarray]] = [[] for _ in range(shares.shape[1])]
    for label, share in enumerate(shares):
        members = rng.permutation(np.flatnonzero(labels == label))
        cuts = np.round(np.cumsum(share)[:-1] * len(members)).astype(int)
        for part, piece in zip(parts, np.split(members, cuts), strict=True):
            part.append(piece)
    return [np.concatenate(part) for part in parts]


def assign_class_to_slowest(
    slowest_first: np.ndarray, shards: Shards, dataset: Dataset, label: int
) -> Shards:
    """Reassign the shards: the slower a client, the more samples of one class it gets.

    A method that counts the updates of slow clients less then learns this class late. Our
    construction.

    Args:
        slowest_first: each client once, `(clients,)`.
        shards: the shards to reassign; each of them is kept as it is.
        dataset: the data set that they index.
        label: the class.

    Raises:
        ValueError: the data set does not have this class.
    """
    last = dataset.n_classes - 1
    label = integer("slow_class", label, 0, last, f"These are the classes of {dataset.name!r}")
    most_first = np.argsort(-shards.class_counts(dataset)[:, label], kind="stable")
    shard_of_client = np.empty(len(slowest_first), dtype=int)
    shard_of_client[slowest_first] = most_first
    return Shards(
        *(tuple(part[i] for i in shard_of_client) for part in (shards.train, shards.test))
    )


def _persons(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the persons of the training and of the test samples."""
    train, test = dataset.train_person, dataset.test_person
    if train is None or test is None:
        raise ValueError(
            f"by = 'person' for {dataset.name!r}, which does not record persons; "
            "allowed: 'label' or 'iid'."
        )
    return train, test


def _by_person(
    person: np.ndarray, people: int, clients: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """Return positions per client, given the person of each sample."""
    if people >= clients:
        return _grouped(person % clients, clients)
    parts: list[np.ndarray] = []
    for p, own in enumerate(_grouped(person, people)):
        # Clients p, p + people, p + 2 people, ... share person p.
        sharing = len(range(p, clients, people))
        parts += np.array_split(rng.permutation(own), sharing)
    return parts


def _grouped(number: np.ndarray, groups: int) -> list[np.ndarray]:
    """Return the positions of each number from 0 to `groups` - 1, ascending."""
    ends = np.cumsum(np.bincount(number, minlength=groups))[:-1]
    return np.split(np.argsort(number, kind="stable"), ends)


def _fill_empty(parts: list[np.ndarray]) -> list[np.ndarray]:
    """Give each empty part one position of the largest part; sort all."""
    sizes = np.array([len(part) for part in parts])
    for empty in np.flatnonzero(sizes == 0):
        largest = int(sizes.argmax())
        parts[empty], parts[largest] = parts[largest][-1:], parts[largest][:-1]
        sizes[empty], sizes[largest] = 1, sizes[largest] - 1
    return [np.sort(part) for part in parts]
