"""Keep on disk what is slow in `prepare`: data, warm starts, gains and searches.

Only where somebody asked for it with `keep_prepared`: a live Lab does, whose seeds, data sets and
models are tried again and again. A file is named by all that its content depends on, the code of
the kit and the computing library among them. So a number never depends on whether it was kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from ftte_lab._common import DiskCache
from ftte_lab.data import Dataset, cache_path
from ftte_lab.models import Params, Subset, pack, unpack
from ftte_lab.server import Choice, Contributions

Value = TypeVar("Value")

_MOST_BYTES = 256 << 20
_LARGEST_BYTES = 48 << 20  # the data of 500 devices have 39 MB
_FOLDER = "prepared"
_CODE = ("_common", "data", "models", "devices", "training", "server", "simulation")

_cache: DiskCache | None = None


def keep_prepared(folder: Path | None = None) -> None:
    """Keep what `prepare` makes on disk from now on, in this process.

    Args:
        folder: where; `None`: in the data home or the user's own cache, 256 MiB at most.
    """
    global _cache
    folder = cache_path(_FOLDER) if folder is None else folder
    _cache = DiskCache(folder, _MOST_BYTES, largest=_LARGEST_BYTES)


def kept_in() -> Path | None:
    """Return the folder of `keep_prepared`; `None`: nothing is kept."""
    return None if _cache is None else _cache.folder


def forget_prepared() -> None:
    """Keep nothing from now on; files that are there stay."""
    global _cache
    _cache = None


def kept(
    key: tuple[Any, ...],
    make: Callable[[], Value],
    write: Callable[[Value], bytes],
    read: Callable[[bytes], Value],
) -> Value:
    """Return a value from its file, or made and kept; without `keep_prepared` it is just made.

    Args:
        key: plain values that the value depends on, besides the code.
        make: returns the value.
        write: turns it into bytes.
        read: turns bytes into it.
    """
    if _cache is None:
        return make()
    return _cache.get(f"{code_state()} {key!r}", make, write, read)


@cache
def code_state() -> str:
    """Return a name of all that a run's digits depend on besides its scenario, 64 hex digits.

    That is the code of the kit up to the engine, the computing libraries and the processor.

    Example:
        >>> len(code_state())
        64
    """
    processor = torch.backends.cpu.get_cpu_capability()
    found = hashlib.sha256(f"{torch.__version__} {np.__version__} {processor}".encode())
    house = Path(__file__).parents[1]
    for package in _CODE:
        for path in sorted((house / package).rglob("*.py")):
            found.update(path.relative_to(house).as_posix().encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def start_digest(params: Params, x: np.ndarray, y: np.ndarray) -> str:
    """Return a name for the content of first parameters and public data."""
    found = hashlib.sha256(pack(params))
    for array in (x, y):
        found.update(f"{array.dtype.str} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


# Each pair of functions turns one kind of value into bytes and back.


def params_to_bytes(params: Params) -> bytes:
    """Write parameters as safetensors."""
    return pack(params)


def params_from_bytes(content: bytes) -> Params:
    """Read parameters; each has memory of its own, as if it had just been computed."""
    return {name: value.clone() for name, value in unpack(content).items()}


def dataset_to_bytes(dataset: Dataset) -> bytes:
    """Write a data set as safetensors; its names travel as text."""
    arrays = {k: v for k, v in vars(dataset).items() if isinstance(v, np.ndarray)}
    text = json.dumps([dataset.name, list(dataset.classes)]).encode()
    tensors = {name: torch.from_numpy(np.ascontiguousarray(v)) for name, v in arrays.items()}
    return pack({**tensors, "names": torch.frombuffer(bytearray(text), dtype=torch.uint8)})


def dataset_from_bytes(content: bytes) -> Dataset:
    """Read a data set."""
    arrays = {name: value.numpy().copy() for name, value in unpack(content).items()}
    name, classes = json.loads(arrays.pop("names").tobytes())
    return Dataset(name=name, classes=tuple(classes), **arrays)


def gains_to_bytes(gains: Contributions) -> bytes:
    """Write gains as JSON: what is counted becomes a pair, because JSON's keys are texts."""
    return json.dumps(
        {
            "measure": gains.measure,
            "order": {name: list(order) for name, order in gains.order.items()},
            "gain": {name: list(table.items()) for name, table in gains.gain.items()},
            "channel": {name: list(each) for name, each in gains.channel.items()},
            "exponent": gains.exponent,
        }
    ).encode()


def gains_from_bytes(content: bytes) -> Contributions:
    """Read gains."""
    raw = json.loads(content)
    return Contributions(
        raw["measure"],
        {name: tuple(order) for name, order in raw["order"].items()},
        {name: {int(n): gain for n, gain in table} for name, table in raw["gain"].items()},
        {name: tuple(each) for name, each in raw["channel"].items()},
        raw["exponent"],
    )


def choice_to_bytes(choice: Choice) -> bytes:
    """Write a choice as JSON."""
    plain = {**vars(choice), "subset": choice.subset.to_json(), "counts": dict(choice.counts)}
    return json.dumps(plain).encode()


def choice_from_bytes(content: bytes) -> Choice:
    """Read a choice."""
    raw = json.loads(content)
    return Choice(**{**raw, "subset": Subset.from_json(raw["subset"])})
