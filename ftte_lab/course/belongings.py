"""Put back what a student's function changed beside its task, and keep what it prints short."""

from __future__ import annotations

import builtins
import contextlib
import math
import os
import random
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import torch

from ftte_lab.course.sandbox import THREAD

MOST_PRINTED = 2_000
"""Characters that an answer may print during one check."""

_LEFT_OUT = "\n… (your function prints more; that is left out)\n"
_MOST_NAMED = 5


@contextlib.contextmanager
def put_back() -> Iterator[list[str]]:
    """Restore on leaving what the code inside changed; the names of it are in the list then.

    Restored are names of the built-ins, of this kit, and of a few libraries; the working folder,
    environment variables, torch's default type, numpy's reaction to errors, and the streams.

    Example:
        >>> import math
        >>> with put_back() as changed:
        ...     math.pi = 3
        >>> changed, round(math.pi, 2)
        (['math.pi'], 3.14)
    """
    changed: list[str] = []
    before = {module: dict(vars(module)) for module in _modules()}
    folder, environment = _folder(), dict(os.environ)
    dtype, depth, errors = torch.get_default_dtype(), sys.getrecursionlimit(), np.geterr()
    streams = sys.stdout, sys.stderr
    left = [MOST_PRINTED]
    sys.stdout, sys.stderr = (_Short(stream, left) for stream in streams)
    try:
        yield changed
    finally:
        sys.stdout, sys.stderr = streams
        torch.set_default_dtype(dtype)  # it changes names of torch
        for module, names in before.items():
            changed += _restore(module, names)
        if _folder() != folder and folder:
            os.chdir(folder)
            changed.append("the working folder")
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
            changed.append("environment variables")
        sys.setrecursionlimit(depth)
        np.seterr(**errors)
        if len(changed) > _MOST_NAMED:
            changed[_MOST_NAMED:] = ["other names"]


def _modules() -> list[ModuleType]:
    kit = __name__.split(".")[0]
    mine = [m for name, m in list(sys.modules.items()) if name.split(".")[0] == kit]
    return [builtins, math, random, np, np.random, torch, *(m for m in mine if m is not None)]


def _restore(module: ModuleType, names: dict[str, Any]) -> list[str]:
    """Set a module's names back; return those that had other values. New ones may stay."""
    now = vars(module)
    other = [n for n, value in names.items() if n != "_" and now.get(n, module) is not value]
    for name in other:
        now[name] = names[name]
    return [f"{module.__name__}.{name}" for name in other]


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""


class _Short:
    """A stream that takes only so much from a student's function, and anything from others."""

    def __init__(self, stream: Any, left: list[int]) -> None:
        self._stream, self._left = stream, left

    def write(self, text: str) -> int:
        if self._stream is None:
            return len(text)
        if threading.current_thread().name != THREAD:
            return int(self._stream.write(text))
        if self._left[0] > 0:
            shown = text[: self._left[0]]
            self._left[0] -= max(1, len(text))
            self._stream.write(shown if self._left[0] > 0 else shown + _LEFT_OUT)
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
