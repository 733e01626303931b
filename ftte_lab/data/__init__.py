"""Real data, offline by default: `digits` and `motion`; `cifar10`, `fashion_mnist` and `wrist` on request.

`load` gives a `Dataset` with a training, a test and a public part; `split` divides it over clients; `fetch` is the
only function of the kit that uses the network, and only when you call it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from ftte_lab._require import one_of, require, whole
from ftte_lab.data import _wrist, images, store
from ftte_lab.data._motion import motion
from ftte_lab.data.partition import WAYS, hand_to, split
from ftte_lab.data.store import data_home
from ftte_lab.data.types import Dataset, Shards

__all__ = ["DATASETS", "WAYS", "Dataset", "Shards", "data_home", "fetch", "hand_to", "load", "split"]

DATASETS: Mapping[str, str] = MappingProxyType(
    {
        "motion": "wrist signals (3, 128) of generated people, 8 activities; offline",
        "digits": "1,797 handwritten digits (1, 8, 8), of scikit-learn; offline",
        "cifar10": "60,000 colour images (3, 32, 32), 10 classes; fetched on request",
        "fashion_mnist": "70,000 pictures of clothes (1, 28, 28), 10 classes; fetched on request",
        "wrist": "real wrist signals (3, 128) of 16 people, 14 activities; from a folder you have",
    }
)
"""The data sets by name, each with a sentence."""

_FETCHERS: Mapping[str, Callable[[bool], Path]] = MappingProxyType(
    {"cifar10": images.fetch_cifar10, "fashion_mnist": images.fetch_fashion_mnist}
)


def load(name: str, *, people: int | None = None, samples_per_person: int | None = None, seed: int = 0) -> Dataset:
    """Load a data set.

    Args:
        name: one of `DATASETS`.
        people: how many people `motion` generates (100 if not given). For the other sets, together with
            `samples_per_person`, a cap: at most the product of both in training samples, drawn by `seed`.
        samples_per_person: training samples each (40 for `motion` if not given).
        seed: of the generated people, or of the draw under a cap.

    Raises:
        ValueError: an unknown name, a number out of range, or data that were never fetched.
    """
    one_of("data", name, DATASETS)
    for label, value in (("people", people), ("samples_per_person", samples_per_person)):
        if value is not None:
            whole(label, value, 1)
    whole("seed", seed, 0)
    if name == "motion":
        return motion(100 if people is None else people, samples_per_person or 40, seed=seed)
    most = people * samples_per_person if people and samples_per_person else None
    if name == "digits":
        return images.digits(most, seed)
    if name == "wrist":
        how = "With the UCI folder at hand, call ftte_lab.data.fetch('wrist', folder=...)"
        return _wrist.wrist(store.read(name, _wrist.KEYS, how), most, seed)
    arrays = store.read(name, images.KEYS, f"With network, call ftte_lab.data.fetch({name!r})")
    classes = images.CIFAR10_CLASSES if name == "cifar10" else images.FASHION_MNIST_CLASSES
    return images.from_arrays(name, arrays, classes, most, seed, public=min(1000, len(arrays["y_train"]) // 10))


def fetch(name: str, *, folder: str | Path | None = None, progress: bool = True) -> Path:
    """Download a data set, or read `wrist` from a folder, and keep it as one `.npz` in the data home.

    What is there already is not fetched again; delete the file to fetch anew. `digits` and `motion` need no fetching.

    Args:
        name: `cifar10`, `fashion_mnist` or `wrist`.
        folder: for `wrist`, the folder with one folder per activity.
        progress: show a bar on standard error.

    Returns:
        The file.

    Raises:
        ValueError: an unknown name, no network, a wrong checksum, or files that are not what they should be.
    """
    one_of("data", name, [*_FETCHERS, "wrist"])
    require(folder is None or name == "wrist", f"folder = {str(folder)!r} for {name!r}", "None, except for 'wrist'")
    if store.path_of(name).is_file():
        return store.path_of(name)
    return _wrist.fetch_wrist(folder) if name == "wrist" else _FETCHERS[name](progress)
