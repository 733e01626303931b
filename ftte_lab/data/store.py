"""The data home: one `.npz` per downloaded data set, written atomically, read without pickle."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np

from ftte_lab._common import require, write_atomic

VARIABLE = "FTTE_DATA_HOME"


def data_home() -> Path:
    """Return the folder of downloaded data sets.

    It is named by the environment variable `FTTE_DATA_HOME`. Without it, it is `data/cache/` in a
    checkout of the project, and the user's cache folder elsewhere. A class without network copies
    the `.npz` files there.
    """
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser()
    checkout = Path(__file__).parents[2]
    if (checkout / "pyproject.toml").is_file() and (checkout / "data").is_dir():
        return checkout / "data" / "cache"
    import pooch  # a checkout does not need it

    return Path(pooch.os_cache("ftte_lab"))


def data_path(name: str) -> Path:
    """Return the path of a data set's file, whether it exists or not."""
    return data_home() / f"{name}.npz"


def write(name: str, arrays: dict[str, np.ndarray]) -> Path:
    """Write a data set into the data home; its file appears complete, or stays as it was.

    Args:
        name: of the data set.
        arrays: what the file holds, by key.

    Returns:
        The file.

    Raises:
        OSError: the data home cannot be written.
    """
    path = data_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The type stub of numpy mistakes the arrays for the argument allow_pickle.
    write_atomic(path, lambda file: np.savez_compressed(file, **arrays))  # type: ignore[arg-type]
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
    allowed = "the file that fetch writes"
    require(
        path.is_file(),
        f"{name!r} is not in the data home ({path})",
        f"a copy of {path.name} there",
        how,
    )
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in keys if key in archive.files}
    except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged ({error}); allowed: {allowed}. Delete it. {how}."
        ) from error
    missing = ", ".join(key for key in keys if key not in arrays)
    require(not missing, f"{path} has no {missing}", allowed, f"Delete it. {how}")
    return arrays
