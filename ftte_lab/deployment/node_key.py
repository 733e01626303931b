"""Keep the secret key of a node, so that it may come back under its name."""

from __future__ import annotations

import os
from pathlib import Path

from ftte_lab._common import writing_to
from ftte_lab.data import cache_path
from ftte_lab.deployment.join_line import is_name
from ftte_lab.deployment.zmq_carrier import new_secret

_LENGTH = 40  # characters, as ZeroMQ writes a key
_FIX = "Set FTTE_DATA_HOME to a folder of your own"


def kept_secret(name: str, folder: Path | None = None) -> bytes:
    """Return the secret key of a node; make it, for its owner alone, if there is none.

    Args:
        name: of the node.
        folder: where keys are kept; `None`: in the data home.

    Raises:
        ValueError: a name of another form, or a file that holds no key.
        FileTroubleError: the folder cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     kept_secret("laptop-7", Path(folder)) == kept_secret("laptop-7", Path(folder))
        True
    """
    if not is_name(name):
        raise ValueError(f"name = {name!r:.60}; allowed: letters, digits, points and hyphens.")
    folder = cache_path("nodes") if folder is None else folder
    path = folder / f"{name}.key"
    with writing_to(folder, _FIX):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(handle, "wb") as file:
                file.write(new_secret())
        secret = path.read_bytes().strip()
    if len(secret) != _LENGTH:
        raise ValueError(f"{str(path)!r} holds no key; allowed: 40 characters. Remove the file.")
    return secret
