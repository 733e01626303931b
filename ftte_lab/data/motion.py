"""`motion`: generated wrist signals of people who all move in their own way. No download, any number of people.

Each activity is a few harmonics of a cadence around a pose of the wrist. Each person has an own cadence, strength and
rhythm per activity, wears the watch at an own angle, and does some activities more than others, so a federation by
person is non-IID in inputs and in labels. Our construction; it stands for no real person and proves nothing about one.
"""

from __future__ import annotations

import numpy as np

from ftte_lab._common import integer
from ftte_lab.data.types import Dataset

RATE_HZ = 32
LENGTH = 128
_TAG = 2101
_VOLUNTEERS = 24  # people of their own, whose data the server holds
_HARMONICS = 3

# name: cadence in Hz, pose (where gravity points, x along the forearm), strength in g per harmonic for x, y, z
_ACTIVITIES: dict[
    str, tuple[float, tuple[float, float, float], tuple[tuple[float, float, float], ...]]
] = {
    "rest": (0.25, (0.3, 0.2, 0.9), ((0.02, 0.01, 0.0), (0.02, 0.01, 0.0), (0.03, 0.01, 0.0))),
    "walk": (0.95, (0.9, 0.1, 0.4), ((0.30, 0.22, 0.05), (0.12, 0.10, 0.03), (0.18, 0.12, 0.04))),
    "climb stairs": (
        0.70,
        (0.9, 0.2, 0.4),
        ((0.24, 0.10, 0.16), (0.08, 0.16, 0.08), (0.10, 0.18, 0.12)),
    ),
    "run": (1.35, (0.7, 0.3, 0.6), ((0.55, 0.45, 0.20), (0.25, 0.20, 0.12), (0.40, 0.30, 0.15))),
    "brush teeth": (
        2.60,
        (-0.3, 0.6, 0.7),
        ((0.22, 0.10, 0.05), (0.30, 0.12, 0.04), (0.12, 0.06, 0.03)),
    ),
    "drink": (0.30, (-0.1, 0.5, 0.8), ((0.30, 0.14, 0.06), (0.12, 0.08, 0.04), (0.26, 0.10, 0.05))),
    "stir": (1.60, (0.2, 0.1, 0.9), ((0.10, 0.03, 0.02), (0.22, 0.05, 0.02), (0.20, 0.05, 0.02))),
    "write": (2.10, (0.3, 0.2, 0.9), ((0.10, 0.07, 0.05), (0.12, 0.08, 0.05), (0.05, 0.05, 0.03))),
}
CLASSES = tuple(_ACTIVITIES)
_CADENCE_HZ = np.array([a[0] for a in _ACTIVITIES.values()])
_POSE = np.array([a[1] for a in _ACTIVITIES.values()])
_STRENGTH = np.array([a[2] for a in _ACTIVITIES.values()])  # (activity, axis, harmonic)


def motion(people: int = 100, samples_per_person: int = 40, *, seed: int = 0) -> Dataset:
    """Generate wrist signals: inputs `(3, 128)`, four seconds of x, y, z at 32 Hz in units of g, eight activities.

    Each person has a quarter as many test samples on top. Person p depends on `seed` and p alone, so more people
    leave the others as they are. The public share comes from 24 volunteers of their own.

    How hard it is (100 people, 40 samples each, all of them in one place, seeds 0, 1, 2): logistic regression on the
    raw signal reaches 34 % of the test samples each time, the kit's small 1-D CNN 98 % (2,000 steps of 32
    at rate 0.1). Chance is 13 %.

    Args:
        people: at least 2.
        samples_per_person: training samples of each, at least 4.
        seed: of everything.

    Raises:
        ValueError: numbers out of range.
    """
    integer("people", people, 2, 1_000_000)
    integer("samples_per_person", samples_per_person, 4, 100_000)
    integer("seed", seed, 0)
    tests = max(1, samples_per_person // 4)
    volunteers = [_person(seed, 1, p, samples_per_person) for p in range(_VOLUNTEERS)]
    x = np.empty((people, samples_per_person, 3, LENGTH), np.float32)
    y = np.empty((people, samples_per_person), np.int64)
    x_test, y_test = (
        np.empty((people, tests, 3, LENGTH), np.float32),
        np.empty((people, tests), np.int64),
    )
    for p in range(people):  # each in its place: a large fleet's data exist once
        signals, labels = _person(seed, 0, p, samples_per_person + tests)
        x[p], x_test[p] = np.split(signals, [samples_per_person])
        y[p], y_test[p] = np.split(labels, [samples_per_person])
    who = np.arange(people, dtype=np.int64)
    return Dataset(
        "motion",
        x.reshape(-1, 3, LENGTH),
        y.ravel(),
        x_test.reshape(-1, 3, LENGTH),
        y_test.ravel(),
        np.concatenate([v[0] for v in volunteers]),
        np.concatenate([v[1] for v in volunteers]),
        CLASSES,
        np.repeat(who, samples_per_person),
        np.repeat(who, tests),
    )


def _person(seed: int, group: int, number: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """All samples of one person: `(samples, 3, 128)` float32 and `(samples,)` int64."""
    rng = np.random.default_rng([_TAG, seed, group, number])
    activities = len(CLASSES)
    habits = rng.dirichlet(np.full(activities, 0.5))
    cadence = _CADENCE_HZ * np.exp(rng.normal(0, 0.06, activities))
    strength = _STRENGTH * np.exp(
        rng.normal(0, 0.2, (activities, 1, 1)) + rng.normal(0, 0.2, _STRENGTH.shape)
    )
    rhythm = rng.uniform(0, 2 * np.pi, _STRENGTH.shape)  # how the harmonics lie to each other
    pose = _POSE + rng.normal(0, 0.15, _POSE.shape)
    worn = _rotation(rng.normal(0, 0.35, 3))
    y = rng.choice(activities, samples, p=habits)
    steps = np.arange(LENGTH) / RATE_HZ
    faster = np.exp(rng.normal(0, 0.04, samples))
    angle = 2 * np.pi * (cadence[y] * faster)[:, None] * steps + rng.uniform(
        0, 2 * np.pi, (samples, 1)
    )
    orders = np.arange(1, _HARMONICS + 1)
    waves = np.sin(angle[:, None, None, :] * orders[None, None, :, None] + rhythm[y][..., None])
    swing = np.einsum(
        "nah,naht->nat", strength[y] * np.exp(rng.normal(0, 0.15, (samples, 1, 1))), waves
    )
    held = pose[y] + rng.normal(0, 0.12, (samples, 3))
    gravity = held / np.linalg.norm(held, axis=1, keepdims=True)
    x = np.einsum("ij,njt->nit", worn, gravity[..., None] + swing) + rng.normal(
        0, 0.06, (samples, 3, LENGTH)
    )
    return x.astype(np.float32), y.astype(np.int64)


def _rotation(vector: np.ndarray) -> np.ndarray:
    """The rotation `(3, 3)` about `vector` by its length in radians (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector / angle if angle else vector
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
