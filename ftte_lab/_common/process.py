"""How this process computes: one thread for small kernels, and memory that is kept instead of handed back."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from functools import cache

import torch

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of glibc's mallopt settings
_LARGE_BYTES = 1 << 30


@cache
def configure_process() -> None:
    """Prepare the process for many small kernels; later calls do nothing.

    One thread, because a second one only costs on tensors this small. And with glibc, freed blocks stay with the
    process: by default every activation above 128 KiB is mapped anew and faulted in page by page, which took a third
    of the training time. Elsewhere the allocator is left as it is. What has been imported so far is no longer searched
    for garbage: it never is any, and the search took a twentieth of the time.
    """
    gc.freeze()
    torch.set_num_threads(1)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
            libc.mallopt(_TRIM_THRESHOLD, _LARGE_BYTES)


def cores() -> int:
    """Processor cores this process may use; one where pipes cannot be waited for."""
    if sys.platform == "win32":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
