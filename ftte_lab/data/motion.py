"""`motion`: generated wrist signals of any number of people. No download.

Each activity is a few harmonics of a cadence around a pose of the wrist. Cadence, strength and
rhythm per activity differ from person to person, and so does the angle at which the watch is worn.
Each person does some activities more than others. So a federation by person is non-IID in inputs
and in labels. Our construction: it represents no real person and proves nothing about one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ftte_lab._common import integer, pause_point
from ftte_lab.data.types import Dataset

RATE_HZ = 32
LENGTH = 128
_TAG = 2101
# People of their own, whose data the server holds as the public share.
_VOLUNTEERS = 24
_FLEET, _PUBLIC, _NEW = 0, 1, 2  # groups of people; nobody is in two of them
_HARMONICS = 3


@dataclass(frozen=True)
class _Activity:
    """Describe one activity.

    Attributes:
        cadence_hz: how often the movement repeats.
        pose: where gravity points, in g for x, y, z; x lies along the forearm.
        strength: per axis, the strength of each harmonic in g, `(axis, harmonic)`.
    """

    cadence_hz: float
    pose: tuple[float, float, float]
    strength: tuple[tuple[float, float, float], ...]


_ACTIVITIES = {
    "rest": _Activity(
        0.25, (0.3, 0.2, 0.9), ((0.02, 0.01, 0.0), (0.02, 0.01, 0.0), (0.03, 0.01, 0.0))
    ),
    "walk": _Activity(
        0.95, (0.9, 0.1, 0.4), ((0.30, 0.22, 0.05), (0.12, 0.10, 0.03), (0.18, 0.12, 0.04))
    ),
    "climb stairs": _Activity(
        0.70, (0.9, 0.2, 0.4), ((0.24, 0.10, 0.16), (0.08, 0.16, 0.08), (0.10, 0.18, 0.12))
    ),
    "run": _Activity(
        1.35, (0.7, 0.3, 0.6), ((0.55, 0.45, 0.20), (0.25, 0.20, 0.12), (0.40, 0.30, 0.15))
    ),
    "brush teeth": _Activity(
        2.60, (-0.3, 0.6, 0.7), ((0.22, 0.10, 0.05), (0.30, 0.12, 0.04), (0.12, 0.06, 0.03))
    ),
    "drink": _Activity(
        0.30, (-0.1, 0.5, 0.8), ((0.30, 0.14, 0.06), (0.12, 0.08, 0.04), (0.26, 0.10, 0.05))
    ),
    "stir": _Activity(
        1.60, (0.2, 0.1, 0.9), ((0.10, 0.03, 0.02), (0.22, 0.05, 0.02), (0.20, 0.05, 0.02))
    ),
    "write": _Activity(
        2.10, (0.3, 0.2, 0.9), ((0.10, 0.07, 0.05), (0.12, 0.08, 0.05), (0.05, 0.05, 0.03))
    ),
}
CLASSES = tuple(_ACTIVITIES)
_CADENCE_HZ = np.array([a.cadence_hz for a in _ACTIVITIES.values()])
_POSE = np.array([a.pose for a in _ACTIVITIES.values()])
# (activity, axis, harmonic)
_STRENGTH = np.array([a.strength for a in _ACTIVITIES.values()])


def motion(people: int = 100, samples_per_person: int = 40, *, seed: int = 0) -> Dataset:
    """Generate wrist signals of eight activities.

    Inputs are `(3, 128)`: four seconds of x, y, z at 32 Hz in units of g. Each person also has a
    quarter as many test samples. Person p depends on `seed` and p alone, so more people leave the
    others as they are. The public share comes from 24 volunteers, who are none of these people.

    How hard it is (100 people, 40 samples each, all data in one place, seeds 0, 1, 2): logistic
    regression on the raw signal classifies 34 % of the test samples each time, the kit's small 1-D
    CNN 98 % (2,000 steps of 32 at rate 0.1). Chance is 13 %.

    Args:
        people: at least 2.
        samples_per_person: training samples of each person, at least 4.
        seed: of everything.

    Returns:
        The data, ordered by person.

    Raises:
        ValueError: numbers out of range.
    """
    people = integer("people", people, 2, 1_000_000)
    samples_per_person = integer("samples_per_person", samples_per_person, 4, 100_000)
    seed = integer("seed", seed, 0)
    tests = max(1, samples_per_person // 4)
    volunteers = [_person(seed, _PUBLIC, p, samples_per_person) for p in range(_VOLUNTEERS)]
    x = np.empty((people, samples_per_person, 3, LENGTH), np.float32)
    y = np.empty((people, samples_per_person), np.int64)
    x_test = np.empty((people, tests, 3, LENGTH), np.float32)
    y_test = np.empty((people, tests), np.int64)
    # Each person is written in place, so that the data of a large fleet exist only once.
    for p in range(people):
        pause_point()
        signals, labels = _person(seed, _FLEET, p, samples_per_person + tests)
        x[p], x_test[p] = np.split(signals, [samples_per_person])
        y[p], y_test[p] = np.split(labels, [samples_per_person])
    person = np.arange(people, dtype=np.int64)
    return Dataset(
        "motion",
        x.reshape(-1, 3, LENGTH),
        y.ravel(),
        x_test.reshape(-1, 3, LENGTH),
        y_test.ravel(),
        np.concatenate([v[0] for v in volunteers]),
        np.concatenate([v[1] for v in volunteers]),
        CLASSES,
        np.repeat(person, samples_per_person),
        np.repeat(person, tests),
    )


def motion_tests(
    people: int, samples_per_person: int, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Generate the test samples alone: those of `motion`, in a sixth of its time.

    Args:
        people: as in `motion`.
        samples_per_person: as in `motion`; a quarter as many are generated.
        seed: as in `motion`.

    Returns:
        Signals `(people, tests, 3, 128)` float32 and labels `(people, tests)` int64.

    Raises:
        ValueError: numbers out of range.

    Example:
        >>> x, y = motion_tests(3, 8)
        >>> bool((x.reshape(-1, 3, 128) == motion(3, 8).x_test).all())
        True
    """
    people = integer("people", people, 2, 1_000_000)
    samples_per_person = integer("samples_per_person", samples_per_person, 4, 100_000)
    seed = integer("seed", seed, 0)
    total = samples_per_person + max(1, samples_per_person // 4)
    return _stacked(seed, _FLEET, people, total, begin=samples_per_person)


def new_wrists(people: int, samples: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Generate windows of people who are in no fleet and among no volunteers, for any seed.

    Args:
        people: at least 1.
        samples: windows of each person, at least 1; more leave the first styles as they are.
        seed: of everything.

    Returns:
        Signals `(people, samples, 3, 128)` float32 and labels `(people, samples)` int64.

    Raises:
        ValueError: numbers out of range.

    Example:
        >>> x, y = new_wrists(2, 5)
        >>> x.shape, y.shape
        ((2, 5, 3, 128), (2, 5))
    """
    people = integer("people", people, 1, 1_000_000)
    samples = integer("samples", samples, 1, 1_000_000)
    seed = integer("seed", seed, 0)
    return _stacked(seed, _NEW, people, samples)


def _stacked(
    seed: int, group: int, people: int, total: int, begin: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the windows and labels of all people of a group, from window `begin` on."""
    found = []
    for p in range(people):
        pause_point()
        found.append(_person(seed, group, p, total, begin=begin))
    return np.stack([x for x, _ in found]), np.stack([y for _, y in found])


def _person(
    seed: int, group: int, number: int, samples: int, begin: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Generate the samples of one person from the `begin`-th on.

    Returns:
        Signals `(samples - begin, 3, 128)` float32 and labels `(samples - begin,)` int64.
    """
    rng = np.random.default_rng([_TAG, seed, group, number])
    activities = len(CLASSES)
    habits = rng.dirichlet(np.full(activities, 0.5))
    cadence = _CADENCE_HZ * np.exp(rng.normal(0, 0.06, activities))
    strength = _STRENGTH * np.exp(
        rng.normal(0, 0.2, (activities, 1, 1)) + rng.normal(0, 0.2, _STRENGTH.shape)
    )
    # The phases of the harmonics relative to each other.
    rhythm = rng.uniform(0, 2 * np.pi, _STRENGTH.shape)
    pose = _POSE + rng.normal(0, 0.15, _POSE.shape)
    watch = _rotation(rng.normal(0, 0.35, 3))
    y = rng.choice(activities, samples, p=habits)
    steps = np.arange(LENGTH) / RATE_HZ
    faster = np.exp(rng.normal(0, 0.04, samples))
    phase = rng.uniform(0, 2 * np.pi, (samples, 1))
    stronger = np.exp(rng.normal(0, 0.15, (samples, 1, 1)))
    held_by = rng.normal(0, 0.12, (samples, 3))
    noise = rng.normal(0, 0.06, (samples, 3, LENGTH))
    # All is drawn, so that a sample does not depend on where one begins.
    y, faster, phase = y[begin:], faster[begin:], phase[begin:]
    stronger, held_by, noise = stronger[begin:], held_by[begin:], noise[begin:]
    angle = 2 * np.pi * (cadence[y] * faster)[:, None] * steps + phase
    orders = np.arange(1, _HARMONICS + 1)
    waves = np.sin(angle[:, None, None, :] * orders[None, None, :, None] + rhythm[y][..., None])
    swing = np.einsum("nah,naht->nat", strength[y] * stronger, waves)
    held = pose[y] + held_by
    gravity = held / np.linalg.norm(held, axis=1, keepdims=True)
    x = np.einsum("ij,njt->nit", watch, gravity[..., None] + swing) + noise
    return x.astype(np.float32), y.astype(np.int64)


def _rotation(vector: np.ndarray) -> np.ndarray:
    """Return the rotation `(3, 3)` about `vector` by its length in radians (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    axis = vector / angle if angle else vector
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
