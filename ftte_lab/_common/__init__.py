"""What every package may use: checks, registries, atomic files, process settings, text."""

from ftte_lab._common.cache import SizedCache
from ftte_lab._common.disk_cache import DiskCache
from ftte_lab._common.files import (
    FileTroubleError,
    brief,
    cached_text,
    is_file,
    require_writable,
    write_atomic,
    writing_to,
)
from ftte_lab._common.interrupt import InterruptedWorkError, interruptible, pause_point
from ftte_lab._common.lock import changing, try_lock
from ftte_lab._common.process import (
    MOST_HELPERS,
    configure_process,
    cores,
    release_memory,
    stand_back,
)
from ftte_lab._common.progress import progress_bar
from ftte_lab._common.registry import Registry, callable_entry
from ftte_lab._common.say import say
from ftte_lab._common.strict_json import read_json, spelled, write_json
from ftte_lab._common.text import percent, seconds, size
from ftte_lab._common.validate import choice, integer, number, plain, require, shown, span

__all__ = [
    "MOST_HELPERS",
    "DiskCache",
    "FileTroubleError",
    "InterruptedWorkError",
    "Registry",
    "SizedCache",
    "brief",
    "cached_text",
    "callable_entry",
    "changing",
    "choice",
    "configure_process",
    "cores",
    "integer",
    "interruptible",
    "is_file",
    "number",
    "pause_point",
    "percent",
    "plain",
    "progress_bar",
    "read_json",
    "release_memory",
    "require",
    "require_writable",
    "say",
    "seconds",
    "shown",
    "size",
    "span",
    "spelled",
    "stand_back",
    "try_lock",
    "write_atomic",
    "write_json",
    "writing_to",
]
