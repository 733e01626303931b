"""`wrist`: real recordings, "ADL Recognition with Wrist-worn Accelerometer" of the UCI repository, from a folder.

Its licence allows research use and reserves redistribution, so the kit never ships it: download it yourself, unpack
it, and point `fetch("wrist", folder=...)` at the folder that holds the activity folders.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ftte_lab._common import require
from ftte_lab.data import store
from ftte_lab.data.types import Dataset

LENGTH, _HOP = 128, 64  # samples at 32 Hz: four seconds, half overlapping
_TAG = 2302
_VOLUNTEERS = 2  # people whose recordings the server holds
_NAME = re.compile(r"Accelerometer-[\d-]+-\w+-([fm]\d+)\.txt", re.IGNORECASE)
KEYS = ("x", "y", "person", "recording", "classes", "people")


def fetch_wrist(folder: str | Path | None) -> Path:
    """Read a folder in the UCI layout and keep it as `wrist.npz`.

    Files are `<Activity>/Accelerometer-<time>-<activity>-<person>.txt` with three columns of codes 0..63 for
    -1.5 g..+1.5 g at 32 Hz. Windows of 128 samples, half overlapping, shape `(3, 128)` in g; a shorter recording is
    held at its last value. Folders named `*_MODEL`, selections of the others, are left out.

    Raises:
        ValueError: no folder, no such files in it, or a file with anything but three columns of codes.
    """
    allowed = "a folder with <Activity>/Accelerometer-<time>-<activity>-<person>.txt files"
    require(
        folder is not None,
        "wrist needs folder=...",
        allowed,
        "Download it from the UCI repository and unpack it",
    )
    files = [
        (path, match[1].lower())
        for path in sorted(Path(folder or "").expanduser().glob("*/Accelerometer-*.txt"))
        if (match := _NAME.fullmatch(path.name)) and not path.parent.name.endswith("_MODEL")
    ]
    require(bool(files), f"{str(folder)!r} holds no recordings", allowed, "Check the path")
    people = sorted({person for _, person in files})
    classes = sorted({path.parent.name for path, _ in files})
    require(
        len(people) > _VOLUNTEERS + 1,
        f"{len(people)} people",
        f"at least {_VOLUNTEERS + 2}",
        "Unpack all of it",
    )
    windows, labels, whose, which = [], [], [], []
    for recording, (path, person) in enumerate(files):
        cut = _windows(_codes(path))
        windows.append(cut)
        labels += [classes.index(path.parent.name)] * len(cut)
        whose += [people.index(person)] * len(cut)
        which += [recording] * len(cut)
    return store.write(
        "wrist",
        {
            "x": np.concatenate(windows),
            "y": np.array(labels),
            "person": np.array(whose),
            "recording": np.array(which),
            "classes": np.array(classes),
            "people": np.array(people),
        },
    )


def _codes(path: Path) -> np.ndarray:
    allowed = "three columns of whole numbers from 0 to 63"
    try:
        codes = np.loadtxt(path, dtype=np.int64, ndmin=2)
    except (ValueError, OSError) as error:
        raise ValueError(
            f"{path} cannot be read ({error}); allowed: {allowed}. Unpack it again."
        ) from error
    ok = (
        codes.ndim == 2
        and codes.shape[1] == 3
        and len(codes) > 0
        and codes.min() >= 0
        and codes.max() <= 63
    )
    require(ok, f"{path} has other contents", allowed, "Unpack it again")
    return codes


def _windows(codes: np.ndarray) -> np.ndarray:
    """Windows `(n, 3, 128)` in g."""
    g = (codes * (3.0 / 63) - 1.5).astype(np.float32)
    if len(g) < LENGTH:
        g = np.concatenate([g, np.repeat(g[-1:], LENGTH - len(g), axis=0)])
    return np.stack([g[at : at + LENGTH].T for at in range(0, len(g) - LENGTH + 1, _HOP)])


def wrist(arrays: dict[str, np.ndarray], most: int | None, seed: int) -> Dataset:
    """By person, most recordings first; per person and activity every fourth recording is for tests.

    The two people with fewest recordings are the volunteers whose data are public, so that the federation keeps most.
    """
    x, y, person, recording = (arrays[key] for key in KEYS[:4])
    order = np.argsort(-np.bincount(person), kind="stable")  # person numbers by amount of data
    volunteers = np.isin(person, order[-_VOLUNTEERS:])
    rank = np.argsort(order)[person]
    test = _every_fourth(y, person, recording) & ~volunteers
    train = np.flatnonzero(~test & ~volunteers)
    if most is not None:
        train = np.sort(np.random.default_rng([_TAG, seed]).permutation(train)[:most])
    classes = tuple(str(name).replace("_", " ").lower() for name in arrays["classes"])
    return Dataset(
        "wrist",
        x[train],
        y[train],
        x[test],
        y[test],
        x[volunteers],
        y[volunteers],
        classes,
        rank[train],
        rank[test],
    )


def _every_fourth(y: np.ndarray, person: np.ndarray, recording: np.ndarray) -> np.ndarray:
    """Whole recordings, never windows of one, so that no test window overlaps with a training window."""
    test = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        for who in np.unique(person):
            mine = np.unique(recording[(y == label) & (person == who)])
            test |= np.isin(recording, mine[3::4])
    return test
