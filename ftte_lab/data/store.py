"""The data home: one `.npz` per downloaded data set, written atomically, read without pickle."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from ftte_lab._common import brief, is_file, require, write_atomic, writing_to

VARIABLE = "FTTE_DATA_HOME"
_LARGEST_BYTES = 4 << 30  # unpacked; the largest set of ours has 0.2 GB


def data_home() -> Path:
    """Return the folder of downloaded data sets.

    It is named by the environment variable `FTTE_DATA_HOME`. Without it, it is `data/cache/` in a
    checkout of the project, and the user's cache folder elsewhere. A class without network copies
    the `.npz` files there.
    """
    if named := os.environ.get(VARIABLE):
        return Path(os.path.expanduser(named))  # no error where nobody has a home
    checkout = Path(__file__).parents[2]
    if (checkout / "pyproject.toml").is_file() and (checkout / "data").is_dir():
        return checkout / "data" / "cache"
    import pooch  # a checkout does not need it

    return Path(pooch.os_cache("ftte_lab"))


def cache_path(name: str) -> Path:
    """Return where to keep a file or folder that can be made again.

    That is the data home, or the user's own cache folder where the data home cannot be written: a
    class shares one data home, which its instructor has filled.

    Args:
        name: of the file or folder.

    Example:
        >>> cache_path("prepared").name
        'prepared'
    """
    shared = data_home() / name
    if shared.is_file() or _may_write(shared):
        return shared
    import pooch  # where the data home can be written, nobody needs it

    return Path(pooch.os_cache("ftte_lab")) / name


def _may_write(path: Path) -> bool:
    """Whether a folder can be written, or made where it is missing."""
    there = next((folder for folder in (path, *path.parents) if folder.exists()), Path("/"))
    return os.access(there, os.W_OK | os.X_OK)


def data_path(name: str) -> Path:
    """Return the path of a data set's file, whether it exists or not."""
    return data_home() / f"{name}.npz"


def writing_home(folder: Path) -> AbstractContextManager[None]:
    """Answer any `OSError` of a block that writes into the data home, in one sentence.

    Args:
        folder: the data home, or another folder that takes its place.
    """
    return writing_to(folder, f"Set {VARIABLE} to such a folder")


def write(name: str, arrays: dict[str, np.ndarray]) -> Path:
    """Write a data set into the data home; its file appears complete, or stays as it was.

    Args:
        name: of the data set.
        arrays: what the file holds, by key.

    Returns:
        The file.

    Raises:
        ValueError: the data home cannot be written.
    """
    path = data_path(name)
    with writing_home(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        # The type stub of numpy mistakes the arrays for the argument allow_pickle.
        write_atomic(path, lambda f: np.savez_compressed(f, **arrays))  # type: ignore[arg-type]
    return path


def read(name: str, keys: tuple[str, ...], how: str) -> dict[str, np.ndarray]:
    """Read a data set's arrays.

    Args:
        name: of the data set.
        keys: arrays that must be there.
        how: how to get the file, a sentence for the error text.

    Returns:
        The arrays by key.

    Raises:
        ValueError: the file is missing, cut off or not a file of this data set.
    """
    path = data_path(name)
    require(
        is_file(path),
        f"{name!r} is not in the data home ({path})",
        f"a copy of {path.name} there",
        how,
    )
    try:
        arrays = _arrays(path, keys)
    except PermissionError as error:
        raise ValueError(
            f"{path} may not be read; allowed: a file that everybody may read. "
            "Ask its owner to change its mode (chmod a+r)."
        ) from error
    except Exception as error:  # zip files can be damaged in many ways
        raise ValueError(
            f"{path} is damaged ({brief(error)}); allowed: the file that fetch writes. "
            f"Delete it. {how}."
        ) from error
    missing = ", ".join(key for key in keys if key not in arrays)
    refuse(name, bool(missing), f"it has no {missing}", how)
    return arrays


def _arrays(path: Path, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Read arrays of plain numbers and texts; nothing in the file is ever executed."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        packed = sum(member.file_size for member in archive.zip.infolist())
        if packed > _LARGEST_BYTES:
            raise ValueError(f"it unpacks to {packed:,} bytes")
        return {key: archive[key] for key in keys if key in archive.files}


def refuse(name: str, wrong: bool, problem: str, how: str) -> None:
    """Refuse a data set's file that has other contents.

    Args:
        name: of the data set.
        wrong: whether to refuse it.
        problem: what is wrong with it.
        how: how to get the file, a sentence for the error text.

    Raises:
        ValueError: `wrong` is true.
    """
    path, allowed = data_path(name), "the file that fetch writes"
    require(not wrong, f"{path} has other contents: {problem}", allowed, f"Delete it. {how}")
