"""What a data set is, and how it lies on the clients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ftte_lab._common import require


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples in three parts: training data the clients hold, test data, and a public share that the server holds.

    The public share serves the warm start and the contribution analysis; it overlaps with nothing.

    Attributes:
        name: as in `SOURCES`.
        x_train: `(n, channels, ...)` float32, of the order of one.
        y_train: `(n,)` int64, class numbers from 0.
        x_test: as `x_train`.
        y_test: as `y_train`.
        x_public: as `x_train`.
        y_public: as `y_train`.
        classes: names of the classes.
        train_person: `(n,)` int64, whose sample it is, numbered from 0; `None` where the data know no persons.
        test_person: the same for the test data.
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
        """Shape of one input."""
        return tuple(self.x_train.shape[1:])

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def people(self) -> int:
        """Number of persons in the training data; 0 where the data know none."""
        return 0 if self.train_person is None else int(self.train_person.max()) + 1


@dataclass(frozen=True, eq=False)
class Shards:
    """Who holds what: positions in the training and in the test data, one array per client.

    Every client has training samples; its test shard, data like its own, may be empty.
    """

    train: tuple[np.ndarray, ...]
    test: tuple[np.ndarray, ...]

    def class_counts(self, dataset: Dataset) -> np.ndarray:
        """Training samples per client and class, `(clients, classes)`."""
        return np.stack(
            [np.bincount(dataset.y_train[own], minlength=dataset.n_classes) for own in self.train]
        )
