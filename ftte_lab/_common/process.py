"""Process settings: one torch thread, and freed memory that stays until it is given back."""

from __future__ import annotations

import ctypes
import gc
import math
import os
import sys
from functools import cache

import torch

from ftte_lab._common.quota import cpu_quota

# Numbers of glibc's mallopt settings.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_ARENA_MAX = -8
_LARGE_BYTES = 1 << 30
_ENOUGH_BYTES = 1 << 17  # a block whose freeing makes glibc look at the end of the pool
_ARENAS = 2


def _fill_standard_streams() -> None:
    """Open the null device in the place of standard descriptors that are closed.

    Otherwise the next file or socket takes their numbers, and whatever prints writes into it; the
    engine that draws pictures does not start at all.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)


_fill_standard_streams()


@cache
def configure_process() -> None:
    """Prepare this process for many small kernels; later calls do nothing.

    - One torch thread. A second one only costs on tensors this small.
    - With glibc, freed blocks stay with the process. By default every activation above 128 KiB is
      mapped and faulted in again page by page, which took a third of the training time. On other
      systems the allocator is left as it is.
    - With glibc, new threads share the pools of freed blocks that there are. By default there may
      be eight pools per core.
    - The garbage collector ignores what is imported so far. Modules are never garbage, and the
      search took a twentieth of the time.
    """
    gc.freeze()
    torch.set_num_threads(1)
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        libc.mallopt(_TRIM_THRESHOLD, _LARGE_BYTES)
        libc.mallopt(_ARENA_MAX, _ARENAS)


def stand_back() -> None:
    """Let the kernel that started this worker go first, where that takes nothing from the worker.

    Linux shares a busy core between sessions first, and then by priority inside each. A Jupyter
    kernel leads a session of its own. So there its workers stand back, and the kernel gets three
    times the share of each. Elsewhere they would stand back behind strangers, and nothing happens.
    """
    if hasattr(os, "getsid") and os.getsid(0) == os.getppid():
        os.nice(_BEHIND)


_BEHIND = 5


def release_memory() -> None:
    """Free what is garbage; with glibc, give the freed blocks of this thread back to the system.

    Each thread frees into a pool, and whoever comes next may get another one. So a kernel that
    starts threads, one after the other, grows to twice its size if each leaves its pool full. A
    pool's end is given back only when its own thread frees something there. Takes some
    milliseconds: for a moment at which there is nothing to compute.
    """
    gc.collect()
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_TRIM_THRESHOLD, 0)
        libc.free(libc.malloc(_ENOUGH_BYTES))
        libc.malloc_trim(0)
        libc.mallopt(_TRIM_THRESHOLD, _LARGE_BYTES)


def _glibc() -> ctypes.CDLL | None:
    """Return the C library if it is glibc."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    if not (hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim")):
        return None
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    return libc


MOST_HELPERS = 8
"""Processes that start unasked, however many cores there are: each takes some 0.3 GB."""


def cores(most: int | None = None) -> int:
    """Return how many processor cores this process may use.

    That is the least of: the cores of the machine, those that the process is bound to (`taskset`, a
    batch system), and the quota of its container, rounded up. Always 1 on Windows, where worker
    processes are not used: their pipes cannot be waited for.

    Args:
        most: an upper limit; `None`: none.

    Example:
        >>> cores(most=1)
        1
    """
    if sys.platform == "win32":
        return 1
    allowed = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    quota = cpu_quota()
    if quota is not None:
        allowed = min(allowed, max(1, math.ceil(quota)))
    return allowed if most is None else min(allowed, most)
