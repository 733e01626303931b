"""What every package may use: checks, registries, atomic files, process settings, text."""

from ftte_lab._common.files import write_atomic
from ftte_lab._common.process import configure_process, cores
from ftte_lab._common.progress import progress_bar
from ftte_lab._common.registry import Registry, callable_entry
from ftte_lab._common.text import percent, seconds, size
from ftte_lab._common.validate import choice, integer, number, require, span

__all__ = [
    "Registry",
    "callable_entry",
    "choice",
    "configure_process",
    "cores",
    "integer",
    "number",
    "percent",
    "progress_bar",
    "require",
    "seconds",
    "size",
    "span",
    "write_atomic",
]
