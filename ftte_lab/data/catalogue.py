"""The data sets by name: how each is loaded, and how it gets into the data home.

`digits` and `motion` work offline. `cifar10` and `fashion_mnist` are downloaded when you call
`fetch`, the only function that uses the network. `wrist` is read from a folder that you have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftte_lab._common import Registry, choice, integer, is_file, require
from ftte_lab.data import images, store, wrist
from ftte_lab.data.motion import motion
from ftte_lab.data.types import Dataset

Load = Callable[[int | None, int | None, int], Dataset]


@dataclass(frozen=True)
class Source:
    """Describe one data set: a sentence about it, and the functions that load and fetch it.

    Attributes:
        about: one sentence: shape, size, origin.
        load: `load(people, samples_per_person, seed)` returns a `Dataset`; for the meaning of the
            arguments see the function `load`.
        fetch: `fetch(folder, progress)` puts one file into the data home and returns its path;
            `None` if there is nothing to fetch.
        offline: whether the data set works without a network and without `fetch`.

    Example:
        >>> from dataclasses import replace
        >>> from ftte_lab.data import SOURCES, Source, load
        >>> def threes(people, samples_per_person, seed):
        ...     digits = load("digits", seed=seed)
        ...     own = digits.y_train == 3
        ...     return replace(digits, x_train=digits.x_train[own], y_train=digits.y_train[own])
        >>> SOURCES["threes"] = Source("the threes of digits", threes, offline=True)
        >>> load("threes").x_train.shape
        (122, 1, 8, 8)
        >>> del SOURCES["threes"]
    """

    about: str
    load: Load
    fetch: Callable[[str | Path | None, bool], Path] | None = None
    offline: bool = False


def _cap(people: int | None, samples_per_person: int | None) -> int | None:
    """Return the largest number of training samples, `None` for all."""
    return people * samples_per_person if people and samples_per_person else None


def _motion(people: int | None, samples_per_person: int | None, seed: int) -> Dataset:
    return motion(100 if people is None else people, samples_per_person or 40, seed=seed)


def _digits(people: int | None, samples_per_person: int | None, seed: int) -> Dataset:
    return images.digits(_cap(people, samples_per_person), seed)


def _wrist(people: int | None, samples_per_person: int | None, seed: int) -> Dataset:
    how = "With the UCI folder at hand, call ftte_lab.data.fetch('wrist', folder=...)"
    arrays = store.read("wrist", wrist.KEYS, how)
    store.refuse("wrist", not wrist.fits(arrays), "they do not fit together", how)
    return wrist.wrist(arrays, _cap(people, samples_per_person), seed)


def _images(name: str, classes: tuple[str, ...]) -> Load:
    def load_images(people: int | None, samples_per_person: int | None, seed: int) -> Dataset:
        how = f"With network, call ftte_lab.data.fetch({name!r})"
        arrays = store.read(name, images.KEYS, how)
        fit = images.fits(arrays, len(classes))
        store.refuse(name, not fit, "they are no images with labels", how)
        public = min(1000, len(arrays["y_train"]) // 10)
        cap = _cap(people, samples_per_person)
        return images.from_pixels(name, arrays, classes, cap, seed, public=public)

    return load_images


def _check(name: str, source: Any) -> None:
    ok = isinstance(source, Source) and callable(source.load)
    require(ok, f"the data set {name!r} is {source!r}", "a Source(about, load)")


SOURCES: Registry[Source] = Registry(
    "data set",
    {
        "motion": Source(
            "wrist signals (3, 128) of generated people, 8 activities; offline",
            _motion,
            offline=True,
        ),
        "digits": Source(
            "1,797 handwritten digits (1, 8, 8), of scikit-learn; offline", _digits, offline=True
        ),
        "cifar10": Source(
            "60,000 colour images (3, 32, 32), 10 classes; fetched on request",
            _images("cifar10", images.CIFAR10_CLASSES),
            lambda folder, progress: images.fetch_cifar10(progress),
        ),
        "fashion_mnist": Source(
            "70,000 images of clothes (1, 28, 28), 10 classes; fetched on request",
            _images("fashion_mnist", images.FASHION_MNIST_CLASSES),
            lambda folder, progress: images.fetch_fashion_mnist(progress),
        ),
        "wrist": Source(
            "real wrist signals (3, 128) of 16 people, 14 activities; from a folder you have",
            _wrist,
            lambda folder, progress: wrist.fetch_wrist(folder),
        ),
    },
    _check,
)
"""The data sets by name. Add yours: `SOURCES["mine"] = Source("what it is", load)`."""


def load(
    name: str,
    *,
    people: int | None = None,
    samples_per_person: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Load a data set.

    Args:
        name: one of `SOURCES`.
        people: how many people `motion` generates (100 if not given). For the other sets, together
            with `samples_per_person`, a cap: at most the product of both in training samples,
            drawn by `seed`.
        samples_per_person: training samples of each person (40 for `motion` if not given).
        seed: of the generated people, or of the draw under a cap.

    Returns:
        The data: float32 inputs `(n, channels, ...)` and int64 labels `(n,)` in three parts.

    Raises:
        ValueError: an unknown name, a number out of range, data that were never fetched, or a
            source of your own that returns something else.

    Example:
        >>> from ftte_lab.data import load
        >>> load("digits").x_train.shape
        (1257, 1, 8, 8)
    """
    choice("data", name, SOURCES)
    if people is not None:
        people = integer("people", people, 1)
    if samples_per_person is not None:
        samples_per_person = integer("samples_per_person", samples_per_person, 1)
    seed = integer("seed", seed, 0)
    found = SOURCES[name].load(people, samples_per_person, seed)
    kind = type(found).__name__
    require(isinstance(found, Dataset), f"load of {name!r} returned {kind}", "a Dataset")
    return found


def fetch(name: str, *, folder: str | Path | None = None, progress: bool = True) -> Path:
    """Download a data set, or read `wrist` from a folder, and keep it as one `.npz`.

    A file that is already in the data home is not fetched again; delete it first if you want that.
    `digits` and `motion` need no fetching.

    Args:
        name: `cifar10`, `fashion_mnist` or `wrist`, or your own with a `fetch` function.
        folder: for `wrist`, the folder with one folder per activity.
        progress: show a bar on standard error.

    Returns:
        The path of the file.

    Raises:
        ValueError: an unknown name, no network, a wrong checksum, files with other contents, or a
            data home that cannot be written.
    """
    fetchers = {key: source.fetch for key, source in SOURCES.items() if source.fetch}
    choice("data", name, fetchers)
    allowed = folder is None or name not in ("cifar10", "fashion_mnist")
    require(allowed, f"folder = {str(folder)!r} for {name!r}", "None, except for 'wrist'")
    if is_file(store.data_path(name)):
        return store.data_path(name)
    try:
        return fetchers[name](folder, progress)
    except ValueError:
        if is_file(store.data_path(name)):  # another process was faster, and has cleared up
            return store.data_path(name)
        raise
