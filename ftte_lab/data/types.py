"""The types: a data set, and how its samples are divided over the clients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ftte_lab._common import require


@dataclass(frozen=True, eq=False)
class Dataset:
    """Hold samples in three parts: training data, test data and a public share.

    The clients hold the training data. The server holds the public share: it serves the warm start
    and the contribution analysis, and shares no sample with the other parts.

    Attributes:
        name: as in `SOURCES`.
        x_train: `(n, channels, ...)` float32, of the order of one.
        y_train: `(n,)` int64, class numbers from 0.
        x_test: as `x_train`.
        y_test: as `y_train`.
        x_public: as `x_train`.
        y_public: as `y_train`.
        classes: names of the classes.
        train_person: `(n,)` int64, the person of each sample, numbered from 0; `None` if the data
            set does not record persons.
        test_person: the same for the test data.

    Raises:
        ValueError: a part is empty, or has more inputs than labels or fewer.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    x_public: np.ndarray
    y_public: np.ndarray
    classes: tuple[str, ...]
    train_person: np.ndarray | None = None
    test_person: np.ndarray | None = None

    def __post_init__(self) -> None:
        for part in ("train", "test", "public"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            require(
                len(x) == len(y) > 0,
                f"{self.name}: {len(x)} inputs, {len(y)} labels in its {part} part",
                "as many of both, and at least one",
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of one input."""
        return tuple(self.x_train.shape[1:])

    @property
    def n_classes(self) -> int:
        """Return the number of classes."""
        return len(self.classes)

    @property
    def people(self) -> int:
        """Return the number of persons in the training data; 0 if they are not recorded."""
        return 0 if self.train_person is None else int(self.train_person.max()) + 1


@dataclass(frozen=True, eq=False)
class Shards:
    """Hold who has which samples: positions in the training and in the test data, per client.

    Attributes:
        train: one int array per client, positions in the training data; never empty.
        test: one int array per client, positions in the test data, distributed like the training
            data of the client; may be empty.
    """

    train: tuple[np.ndarray, ...]
    test: tuple[np.ndarray, ...]

    def class_counts(self, dataset: Dataset) -> np.ndarray:
        """Count the training samples per client and class, `(clients, classes)`."""
        return np.stack(
            [np.bincount(dataset.y_train[own], minlength=dataset.n_classes) for own in self.train]
        )
