"""People who took no part in a federation: new wrists, or new mixes of samples that nobody holds.

A device of the fleet is no newcomer, even if most of its samples are taken away: the shared model
was trained on them. So a newcomer's samples come from elsewhere, and those that judge it from
elsewhere again.

Source: our reconstruction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ftte_lab._common import integer, number, require
from ftte_lab.data.motion import new_wrists
from ftte_lab.data.types import Dataset

Array = np.ndarray

_TAG = 2203
_OWN_SHARE = 0.6  # of the held-out samples of a class; the others judge
_MOST_PEOPLE = 10_000
_PARTS = 100  # of a mix: a class that a person meets more rarely than that is none of its own


@dataclass(frozen=True, eq=False)
class Newcomers:
    """Hold people who took no part, with samples to train on and others to be judged by.

    Attributes:
        x: samples to train on, `(n, *shape)` float32.
        y: their labels, `(n,)` int64.
        own: positions in `x`, one array per person; the first k are the first that a person has.
        x_test: samples that judge, `(m, *shape)`; none of them is in `x`.
        y_test: their labels, `(m,)`.
        weights: how much each sample counts in each person's accuracy, `(people, m)`; a row sums
            to 1.
    """

    x: Array
    y: Array
    own: tuple[Array, ...]
    x_test: Array
    y_test: Array
    weights: Array


def new_people(people: int, samples: int, tests: int = 160, *, seed: int = 0) -> Newcomers:
    """Generate people of `motion` whom no fleet and no public share knows, each judged by windows.

    Args:
        people: 1 to 10,000.
        samples: windows of each to train on, from 1.
        tests: other windows of each, from 1.
        seed: of everything; with that of a fleet, they are still other people.

    Raises:
        ValueError: a number out of range.

    Example:
        >>> found = new_people(3, 5, 8)
        >>> found.x.shape, found.x_test.shape, found.weights.sum(1).tolist()
        ((15, 3, 128), (24, 3, 128), [1.0, 1.0, 1.0])
    """
    people = integer("people", people, 1, _MOST_PEOPLE)
    samples, tests = integer("samples", samples, 1, 10**5), integer("tests", tests, 1, 10**5)
    x, y = new_wrists(people, samples + tests, seed=seed)
    shape = x.shape[2:]
    return Newcomers(
        x[:, :samples].reshape(-1, *shape),
        y[:, :samples].ravel(),
        tuple(np.arange(people * samples).reshape(people, samples)),
        x[:, samples:].reshape(-1, *shape),
        y[:, samples:].ravel(),
        np.repeat(np.eye(people), tests, axis=1) / tests,
    )


def new_mixes(
    dataset: Dataset, people: int, samples: int, *, alpha: float | None = None, seed: int = 0
) -> Newcomers:
    """Draw people with new mixes of labels from the test data, which no device of a fleet holds.

    Of each class, three fifths of the test samples are to train on, and the others judge. A person
    is judged by all of those, weighted by its own mix. Two newcomers may have a sample in common:
    each trains alone.

    Args:
        dataset: the data.
        people: 1 to 10,000.
        samples: of each to train on, at most as many as are held out. Where a class of a person is
            used up, its other classes stand in.
        alpha: concentration of each person's mix, drawn from a Dirichlet distribution and rounded
            to hundredths; `None`: all have the mix of the held-out samples.
        seed: of the draw.

    Raises:
        ValueError: a number out of range, or no class with two test samples.

    Example:
        >>> from ftte_lab.data import load
        >>> found = new_mixes(load("digits"), 4, 20, alpha=0.1)
        >>> len(found.y), len(found.y_test), [len(own) for own in found.own]
        (214, 146, [20, 20, 20, 20])
    """
    people, seed = integer("people", people, 1, _MOST_PEOPLE), integer("seed", seed, 0)
    if alpha is not None:
        alpha = number("alpha", alpha, 1e-3, 1e6, "Small is skewed, large is even")
    train, test = _held_out(dataset, np.random.default_rng([_TAG, seed]))
    fix = f"So many test samples of {dataset.name!r} are held out for newcomers"
    samples = integer("samples", samples, 1, len(train), fix)
    y, y_test = dataset.y_test[train], dataset.y_test[test]
    counts = np.bincount(y, minlength=dataset.n_classes)
    known = counts > 0
    own, mixes = [], np.tile(counts / len(y), (people, 1))
    for p in range(people):
        rng = np.random.default_rng([_TAG, seed, p])
        if alpha is not None:
            mix = rng.dirichlet(np.full(known.sum(), alpha))
            mixes[p, known] = rng.multinomial(_PARTS, mix) / _PARTS
        own.append(_drawn(y, counts, mixes[p], samples, rng))
    weights = mixes[:, y_test] / np.bincount(y_test, minlength=dataset.n_classes)[y_test]
    x, x_test = dataset.x_test[train], dataset.x_test[test]
    return Newcomers(x, y, tuple(own), x_test, y_test, weights)


def _held_out(dataset: Dataset, rng: np.random.Generator) -> tuple[Array, Array]:
    """Divide the test data, class by class: positions to train on, and positions that judge."""
    train, test = [], []
    for label in range(dataset.n_classes):
        members = rng.permutation(np.flatnonzero(dataset.y_test == label))
        if len(members) > 1:
            cut = min(max(1, round(_OWN_SHARE * len(members))), len(members) - 1)
            train.append(members[:cut])
            test.append(members[cut:])
    given = f"{dataset.name!r} has no class with two test samples"
    require(len(train) > 0, given, "one to train on, and one to judge")
    return np.concatenate(train), np.concatenate(test)


def _drawn(y: Array, counts: Array, mix: Array, samples: int, rng: np.random.Generator) -> Array:
    """Draw a person's samples one by one: a class by its mix, and one of that class."""
    order = rng.permutation(len(y))
    left = {int(k): iter(order[y[order] == k]) for k in np.flatnonzero(counts)}
    remain, drawn = counts.copy(), []
    for _ in range(samples):
        chances = np.where(remain > 0, mix, 0.0)
        if not chances.sum():  # all its classes are used up
            chances = remain.astype(float)
        label = int(rng.choice(len(mix), p=chances / chances.sum()))
        remain[label] -= 1
        drawn.append(next(left[label]))
    return np.array(drawn)
