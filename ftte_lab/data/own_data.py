"""Your own data by file: read it, check it in words, and register it as a data set by person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ftte_lab._common import brief, require, shown
from ftte_lab.data.catalogue import SOURCES, Source
from ftte_lab.data.own_table import LARGEST_OWN_BYTES, OwnTable, read_table
from ftte_lab.data.types import Dataset

_TAG = 2304
_LEAST_PEOPLE, _LEAST_CLASSES, _LEAST_OF_A_CLASS, _LEAST_SAMPLES = 3, 2, 4, 20
_MOST_CLASSES = 1000
_PUBLIC_SHARE = 10  # one person in so many is a volunteer, whose samples the server holds
_EVERY = 4  # sample of a person is for tests
_SMALLEST_AXIS = 8  # of space, that a convolutional net needs
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True)
class OwnData:
    """Describe a data set that was read from a file.

    Attributes:
        name: under which `load` finds it, and the setting `data`.
        file: where it was read from.
        samples: in the file.
        training: samples for training, of the clients.
        people: who hold them: the clients.
        volunteers: people whose samples the server holds, the public share.
        classes: names of the classes.
        shape: of one sample.
        model: a net that suits the shape.
    """

    name: str
    file: str
    samples: int
    training: int
    people: int
    volunteers: int
    classes: tuple[str, ...]
    shape: tuple[int, ...]
    model: str

    @property
    def about(self) -> str:
        """Return one sentence about it."""
        vector = len(self.shape) == 2 and self.shape[0] == 1
        form = f"{self.shape[1]} numbers" if vector else " × ".join(map(str, self.shape))
        return (
            f"{self.samples:,} samples ({form}) of {self.people + self.volunteers} people, "
            f"{len(self.classes)} classes; from the file {self.file}"
        )


OWN_DATA: dict[str, OwnData] = {}
"""What was read from files in this process, by name."""


def own_data(file: str | Path, name: str | None = None) -> OwnData:
    r"""Read a CSV or NPZ file of your own and register it as a data set.

    A CSV file has a line of column names: `label`, `person`, and features, which are numbers. An
    NPZ file has arrays `x`, `y` and `person`; `x` is `(samples, features)`, `(samples, channels,
    length)` or `(samples, channels, height, width)`. A client of the fleet is a person. Features
    are scaled with the mean and the spread of the public share, pixels to 0..1.

    One person in ten, those with fewest samples, are the volunteers whose samples the server holds.
    Of the others every fourth sample of each class is for tests. The data set is known in this
    process only, so runs with it do not use worker processes of a sweep.

    Args:
        file: the file; its name ends with `.csv` or `.npz`.
        name: of the data set; by default that of the file.

    Returns:
        What was read; its `name` and `model` are values of the settings `data` and `model`.

    Raises:
        ValueError: a file that is missing, too large or damaged, a gap or a word among the numbers,
            too few people, classes or samples, or a name that is taken.

    Example:
        >>> import tempfile
        >>> lines = [f"{k % 7},{k % 5},{k % 2},p{k % 4}" for k in range(80)]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "cups.csv"
        ...     _ = path.write_bytes("\n".join(["a,b,label,person", *lines]).encode())
        ...     cups = own_data(path)
        >>> cups.people, cups.classes, cups.model
        (3, ('0', '1'), 'mlp')
        >>> from ftte_lab.data import SOURCES
        >>> del SOURCES["cups"]
    """
    path, allowed = Path(file), "a CSV or NPZ file that you may read"
    try:
        size = path.stat().st_size
        small = size <= LARGEST_OWN_BYTES
        most = f"up to {LARGEST_OWN_BYTES >> 20} MiB"
        require(small, f"{str(path)!r} has {size / 2**20:.1f} MiB", most, "Take a part")
        content = path.read_bytes()
    except OSError as error:
        problem = f"{str(path)!r} cannot be read ({brief(error)})"
        raise ValueError(f"{problem}; allowed: {allowed}. Check the path.") from error
    return own_content(content, str(file), name)


def own_content(content: bytes, file: str, name: str | None = None) -> OwnData:
    """Register the content of a file, as `own_data` does.

    Args:
        content: the bytes of the file.
        file: its name, or path.
        name: of the data set; by default that of the file.

    Raises:
        ValueError: as `own_data`.
    """
    name = _stem(file) if name is None else name
    own = isinstance(name, str) and _NAME.fullmatch(name) is not None
    allowed = "a lower-case letter, then letters, digits, _ or -, up to 40"
    require(own, f"name = {shown(name)}", allowed)
    taken = name in SOURCES and name not in OWN_DATA
    require(not taken, f"the data set {name!r} exists", "a new name", "Give another name=")
    table = read_table(content, file)
    _check(table)
    dataset = _dataset(name, table)
    about = OwnData(
        name,
        file,
        len(table.x),
        len(dataset.y_train),
        dataset.people,
        len(np.unique(table.persons)) - dataset.people,
        dataset.classes,
        dataset.shape,
        _net(table, dataset.shape),
    )
    SOURCES[name] = Source(about.about, partial(_load, dataset), offline=True)
    OWN_DATA[name] = about
    return about


def _stem(file: str) -> str:
    """Return the name of a file as the name of a data set."""
    stem = re.split(r"[/\\]", str(file))[-1].rpartition(".")[0].lower()
    plain = re.sub(r"[^a-z0-9_-]+", "_", stem).strip("_-")[:36]
    return (
        plain
        if _NAME.fullmatch(plain) and plain not in SOURCES.keys() - OWN_DATA.keys()
        else (f"own_{plain}".rstrip("_"))
    )


def _check(table: OwnTable) -> None:
    """Refuse data that cannot be split by person and trained with."""
    n = len(table.x)
    require(n >= _LEAST_SAMPLES, f"{n} samples", f"{_LEAST_SAMPLES} or more", "Add samples")
    classes, counts = np.unique(table.labels, return_counts=True)
    few = f"{len(classes)} class{'es' * (len(classes) > 1)} in the column of labels"
    require(_LEAST_CLASSES <= len(classes) <= _MOST_CLASSES, few, f"2 to {_MOST_CLASSES}")
    rare = int(counts.argmin())
    plural = "s" if counts[rare] > 1 else ""
    problem = f"the class {str(classes[rare])!r} has {counts[rare]} sample{plural}"
    least = f"{_LEAST_OF_A_CLASS} or more"
    require(counts[rare] >= _LEAST_OF_A_CLASS, problem, least, "Add samples or leave it out")
    people = len(np.unique(table.persons))
    enough = people >= _LEAST_PEOPLE
    require(enough, f"{people} people", f"{_LEAST_PEOPLE} or more", "A client is a person")


def _dataset(name: str, table: OwnTable) -> Dataset:
    """Divide the samples: volunteers are public, of the others every fourth is for tests."""
    found, label = np.unique(table.labels, return_inverse=True)
    classes = _ordered(found.tolist())
    y = np.array([classes.index(one) for one in found.tolist()], np.int64)[label]
    _, person = np.unique(table.persons, return_inverse=True)
    order = np.argsort(-np.bincount(person), kind="stable")
    people = len(order)
    volunteers = max(1, people // _PUBLIC_SHARE)
    rank = np.argsort(order)[person]
    public = rank >= people - volunteers
    at = np.lexsort((np.arange(len(y)), y, rank))
    at = at[~public[at]]
    begins = np.searchsorted(rank[at], rank[at])
    test = np.zeros(len(y), dtype=bool)
    test[at[(np.arange(len(at)) - begins) % _EVERY == _EVERY - 1]] = True
    train = ~public & ~test
    held = (
        f"the {people - volunteers} people with most samples hold {int(train.sum())} for training"
    )
    enough = bool(test.any()) and len(np.unique(y[train])) >= _LEAST_CLASSES
    require(enough, held, "samples of two classes, and four of one person", "Add samples")
    x = _scaled(table.x, public)
    return Dataset(
        name,
        x[train],
        y[train],
        x[test],
        y[test],
        x[public],
        y[public],
        tuple(classes),
        rank[train].astype(np.int64),
        rank[test].astype(np.int64),
    )


def _ordered(names: list[str]) -> list[str]:
    """Return the names of classes in order, numbers by size."""
    whole = all(re.fullmatch(r"-?\d{1,15}", name) for name in names)
    return sorted(names, key=lambda name: (int(name), name)) if whole else sorted(names)


def _scaled(x: np.ndarray, public: np.ndarray) -> np.ndarray:
    """Return float32 inputs of the order of one, `(n, channels, ...)`; vectors have one channel."""
    if x.ndim == 4 and x.shape[3] in (1, 3) and x.shape[1] not in (1, 3):
        x = np.moveaxis(x, 3, 1)  # pictures whose colours come last
    if x.dtype == np.uint8:
        pixels = np.ascontiguousarray(x, dtype=np.float32) / 255
        return pixels[:, None] if x.ndim == 2 else pixels
    axes = (0, *range(2, x.ndim))
    centre = x[public].mean(axes, keepdims=True)
    spread, wide = x[public].std(axes, keepdims=True), x.std(axes, keepdims=True)
    spread = np.where(spread > 1e-6 * wide, spread, wide)
    scaled = np.ascontiguousarray((x - centre) / np.where(spread > 0, spread, 1.0), np.float32)
    return scaled[:, None] if x.ndim == 2 else scaled


def _net(table: OwnTable, shape: tuple[int, ...]) -> str:
    """Return a net: a dense one for vectors and small inputs, else one of convolutions."""
    return "mcunet-s" if table.x.ndim > 2 and min(shape[1:]) >= _SMALLEST_AXIS else "mlp"


def _load(
    dataset: Dataset, people: int | None, samples_per_person: int | None, seed: int
) -> Dataset:
    """Return the data set, with at most `people * samples_per_person` training samples."""
    if not (people and samples_per_person) or len(dataset.y_train) <= people * samples_per_person:
        return dataset
    drawn = np.random.default_rng([_TAG, seed]).permutation(len(dataset.y_train))
    at = np.sort(drawn[: people * samples_per_person])
    fields = dict(vars(dataset))
    for part in ("x_train", "y_train", "train_person"):
        fields[part] = fields[part][at]
    return Dataset(**fields)
