"""`wrist`: real recordings from a folder.

The data set is "ADL Recognition with Wrist-worn Accelerometer" of the UCI repository. Its licence
allows research use and reserves redistribution, so the kit does not ship it. Download it yourself,
unpack it, and call `fetch("wrist", folder=...)` with the folder that holds the activity folders.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ftte_lab._common import brief, require
from ftte_lab.data import store
from ftte_lab.data.types import Dataset

# Samples at 32 Hz: windows of four seconds, half overlapping.
LENGTH = 128
_HOP = 64
_TAG = 2302
# People whose recordings the server holds as the public share.
_VOLUNTEERS = 2
_NAME = re.compile(r"Accelerometer-[\d-]+-\w+-([fm]\d+)\.txt", re.IGNORECASE)
KEYS = ("x", "y", "person", "recording", "classes", "people")


def fetch_wrist(folder: str | Path | None) -> Path:
    """Read a folder in the UCI layout and keep it as `wrist.npz`.

    Files are `<Activity>/Accelerometer-<time>-<activity>-<person>.txt` with three columns of codes
    0..63 for -1.5 g..+1.5 g at 32 Hz. They are cut into windows `(3, 128)` in g, half overlapping.
    A shorter recording is extended with its last value. Folders named `*_MODEL` are left out: they
    repeat a selection of the others.

    Args:
        folder: the folder that holds the activity folders.

    Returns:
        The path of the file.

    Raises:
        ValueError: no folder, no such files in it, fewer than four people, or a file that is not
            three columns of codes.
    """
    files = _recordings(folder)
    people = sorted({person for _, person in files})
    classes = sorted({path.parent.name for path, _ in files})
    least = _VOLUNTEERS + 2
    require(len(people) >= least, f"{len(people)} people", f"at least {least}", "Unpack all of it")
    windows: list[np.ndarray] = []
    labels: list[int] = []
    person_of: list[int] = []
    recording_of: list[int] = []
    for recording, (path, person) in enumerate(files):
        cut = _windows(_codes(path))
        windows.append(cut)
        labels += [classes.index(path.parent.name)] * len(cut)
        person_of += [people.index(person)] * len(cut)
        recording_of += [recording] * len(cut)
    return store.write(
        "wrist",
        {
            "x": np.concatenate(windows),
            "y": np.array(labels),
            "person": np.array(person_of),
            "recording": np.array(recording_of),
            "classes": np.array(classes),
            "people": np.array(people),
        },
    )


def _recordings(folder: str | Path | None) -> list[tuple[Path, str]]:
    """Find the recordings: path and person of each, sorted by path."""
    allowed = "a folder with <Activity>/Accelerometer-<time>-<activity>-<person>.txt files"
    fix = "Download it from the UCI repository and unpack it"
    require(folder is not None, "wrist needs folder=...", allowed, fix)
    found = [
        (path, match[1].lower())
        for path in sorted(Path(folder or "").expanduser().glob("*/Accelerometer-*.txt"))
        if (match := _NAME.fullmatch(path.name)) and not path.parent.name.endswith("_MODEL")
    ]
    require(bool(found), f"{str(folder)!r} holds no recordings", allowed, "Check the path")
    return found


def _codes(path: Path) -> np.ndarray:
    """Read one recording: `(samples, 3)` int64."""
    allowed = "three columns of integers from 0 to 63"
    try:
        codes = np.loadtxt(path, dtype=np.int64, ndmin=2)
    except (ValueError, OSError) as error:
        raise ValueError(
            f"{path} cannot be read ({brief(error)}); allowed: {allowed}. Unpack it again."
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
    """Cut codes `(samples, 3)` into windows `(n, 3, 128)` in g."""
    g = (codes * (3.0 / 63) - 1.5).astype(np.float32)
    if len(g) < LENGTH:
        g = np.concatenate([g, np.repeat(g[-1:], LENGTH - len(g), axis=0)])
    return np.stack([g[at : at + LENGTH].T for at in range(0, len(g) - LENGTH + 1, _HOP)])


def fits(arrays: dict[str, np.ndarray]) -> bool:
    """Report whether arrays of a file are windows with labels, as `wrist` needs them.

    Args:
        arrays: the content of `wrist.npz`, by key.
    """
    x, n = arrays["x"], len(arrays["y"]) if arrays["y"].ndim == 1 else -1
    if x.shape != (n, 3, LENGTH) or n < 1 or x.dtype.kind != "f" or not np.isfinite(x).all():
        return False
    most = {"y": arrays["classes"].size, "person": arrays["people"].size, "recording": n}
    if arrays["classes"].ndim != 1 or arrays["people"].ndim != 1:
        return False
    for key, count in most.items():
        values = arrays[key]
        if values.dtype.kind not in "iu" or values.shape != (n,):
            return False
        if values.min() < 0 or values.max() >= count:
            return False
    return len(np.unique(arrays["person"])) >= _VOLUNTEERS + 2


def wrist(arrays: dict[str, np.ndarray], cap: int | None, seed: int) -> Dataset:
    """Make a `Dataset` of the recordings, people with most windows first.

    Per person and activity, every fourth recording is for tests. The two people with fewest windows
    are the volunteers whose data are public, so that the federation keeps most.

    Args:
        arrays: the content of `wrist.npz`, by key.
        cap: at most so many training samples, `None` for all.
        seed: of the draw under a cap.
    """
    x, y = arrays["x"], arrays["y"]
    person = arrays["person"]
    order = np.argsort(-np.bincount(person), kind="stable")
    volunteers = np.isin(person, order[-_VOLUNTEERS:])
    rank = np.argsort(order)[person]
    test = _every_fourth(y, person, arrays["recording"]) & ~volunteers
    train = np.flatnonzero(~test & ~volunteers)
    if cap is not None:
        train = np.sort(np.random.default_rng([_TAG, seed]).permutation(train)[:cap])
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
    """Mark the windows for tests `(n,)`: every fourth recording per person and activity.

    All windows of a recording go together, so that no test window overlaps a training window.
    """
    test = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        for one in np.unique(person):
            own = np.unique(recording[(y == label) & (person == one)])
            test |= np.isin(recording, own[3::4])
    return test
