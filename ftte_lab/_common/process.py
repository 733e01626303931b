"""Process settings: one torch thread, and an allocator that keeps freed memory."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from functools import cache

import torch

# Numbers of glibc's mallopt settings.
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_LARGE_BYTES = 1 << 30


@cache
def configure_process() -> None:
    """Prepare this process for many small kernels; later calls do nothing.

    - One torch thread. A second one only costs on tensors this small.
    - With glibc, freed blocks stay with the process. By default every activation above 128 KiB is
      mapped and faulted in again page by page, which took a third of the training time. On other
      systems the allocator is left as it is.
    - The garbage collector ignores what is imported so far. Modules are never garbage, and the
      search took a twentieth of the time.
    """
    gc.freeze()
    torch.set_num_threads(1)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
            libc.mallopt(_TRIM_THRESHOLD, _LARGE_BYTES)


def cores() -> int:
    """Return how many processor cores this process may use.

    Always 1 on Windows, where worker processes are not used: their pipes cannot be waited for.
    """
    if sys.platform == "win32":
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
