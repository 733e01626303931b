"""Who holds which samples: by person, by label skew, or evenly."""

from __future__ import annotations

import numpy as np

from ftte_lab._common import choice, integer, number, require
from ftte_lab.data.types import Dataset, Shards

_TAG = 2201
WAYS = ("person", "label", "iid")


def split(
    dataset: Dataset, clients: int, *, by: str = "iid", alpha: float | None = None, seed: int = 0
) -> Shards:
    """Divide training and test data over the clients, each sample to one of them.

    `person`: a client is a person. With more people than clients, client c gets persons c, c + clients, ...; with
    fewer, a person's samples are dealt to several clients. `label`: per class, shares over the clients are drawn from
    a Dirichlet distribution of concentration alpha (Li et al. 2022, arXiv 2102.02079, "label distribution skew"); the
    test data follow the same shares. `iid`: dealt at random. A client left without training samples gets one from
    the client with most.

    Args:
        dataset: the data.
        clients: 2 up to the number of training samples.
        by: one of `WAYS`.
        alpha: for `label` only; small is skewed, large is even.
        seed: of the draw.

    Raises:
        ValueError: an unknown way, an alpha that is missing or not used, data without persons, too many clients.
    """
    choice("by", by, WAYS)
    integer(
        "clients", clients, 2, len(dataset.y_train), "A client needs at least one training sample"
    )
    require(
        by == "label" or alpha is None,
        f"alpha = {alpha!r} with by = {by!r}",
        "None",
        "Use by = 'label'",
    )
    rng = np.random.default_rng([_TAG, seed, clients])
    if by == "person":
        require(
            dataset.train_person is not None,
            f"by = 'person' for {dataset.name!r}, which knows no persons",
            "'label' or 'iid'",
        )
        assert dataset.train_person is not None and dataset.test_person is not None  # noqa: S101, PT018
        parts = [
            _by_person(who, dataset.people, clients, rng)
            for who in (dataset.train_person, dataset.test_person)
        ]
    elif by == "label":
        number("alpha", alpha, 1e-3, 1e6, "Small is skewed, large is even")
        shares = rng.dirichlet(np.full(clients, alpha), dataset.n_classes)
        parts = [_by_label(labels, shares, rng) for labels in (dataset.y_train, dataset.y_test)]
    else:
        parts = [
            np.array_split(rng.permutation(len(y)), clients)
            for y in (dataset.y_train, dataset.y_test)
        ]
    train, test = parts
    return Shards(tuple(_nobody_empty(train)), tuple(np.sort(part) for part in test))


def hand_to(order: np.ndarray, shards: Shards, dataset: Dataset, label: int) -> Shards:
    """The same shards in other hands: who comes first in `order` gets the one with most samples of a class.

    What clients hold then goes with what they are, as it does where some things happen only to some devices.

    Args:
        order: each client once, `(clients,)`.
        shards: who held what.
        dataset: where the labels are.
        label: the class.

    Raises:
        ValueError: a class that the data do not have.
    """
    integer(
        "slow_class", label, 0, dataset.n_classes - 1, f"These are the classes of {dataset.name!r}"
    )
    most_first = np.argsort(-shards.class_counts(dataset)[:, label], kind="stable")
    given = np.empty(len(order), dtype=int)
    given[order] = most_first
    return Shards(*(tuple(part[i] for i in given) for part in (shards.train, shards.test)))


def _by_person(
    who: np.ndarray, people: int, clients: int, rng: np.random.Generator
) -> list[np.ndarray]:
    if people >= clients:
        return _grouped(who % clients, clients)
    parts: list[np.ndarray] = []
    for person, own in enumerate(_grouped(who, people)):
        sharing = len(
            range(person, clients, people)
        )  # clients person, person + people, ... are the same person
        parts += np.array_split(rng.permutation(own), sharing)
    return parts


def _grouped(number: np.ndarray, groups: int) -> list[np.ndarray]:
    """Positions of each number from 0 to `groups` - 1, ascending."""
    ends = np.cumsum(np.bincount(number, minlength=groups))[:-1]
    return np.split(np.argsort(number, kind="stable"), ends)


def _by_label(labels: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Cut each class at the shares `(classes, clients)`, rounded so that every sample goes somewhere."""
    parts: list[list[np.ndarray]] = [[] for _ in range(shares.shape[1])]
    for label, share in enumerate(shares):
        members = rng.permutation(np.flatnonzero(labels == label))
        cuts = np.round(np.cumsum(share)[:-1] * len(members)).astype(int)
        for part, piece in zip(parts, np.split(members, cuts), strict=True):
            part.append(piece)
    return [np.concatenate(part) for part in parts]


def _nobody_empty(parts: list[np.ndarray]) -> list[np.ndarray]:
    sizes = np.array([len(part) for part in parts])
    for poor in np.flatnonzero(sizes == 0):
        rich = int(sizes.argmax())
        parts[poor], parts[rich] = parts[rich][-1:], parts[rich][:-1]
        sizes[poor], sizes[rich] = 1, sizes[rich] - 1
    return [np.sort(part) for part in parts]
