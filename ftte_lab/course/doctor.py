"""`doctor`: is everything here that the course needs? Asked before the class, answered in words."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ftte_lab.course.display import display_text
from ftte_lab.lab import is_live

_NEEDED = (
    "torch",
    "numpy",
    "pandas",
    "scipy",
    "altair",
    "ipywidgets",
    "anywidget",
    "vl-convert-python",
    "papermill",
)


def doctor() -> bool:
    """Look at Python, packages, data, drawing and disk; say what is wrong and how to mend it. True if nothing is."""
    findings = [probe() for probe in (_python, _packages, _widgets, _data, _drawing, _disk)]
    lines = [f"{'✔' if ok else '✘'} {words}" for ok, words in findings]
    well = all(ok for ok, _ in findings)
    lines.append(
        "Everything is here; no network is needed."
        if well
        else "Mend what is marked ✘, then ask again."
    )
    display_text("\n".join(lines), "<br>".join(lines))
    return well


def _python() -> tuple[bool, str]:
    cores = os.cpu_count() or 1
    return sys.version_info >= (
        3,
        11,
    ), f"Python {platform.python_version()} (3.11 or newer), {cores} processor cores"


def _packages() -> tuple[bool, str]:
    missing = []
    for name in _NEEDED:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return (
            False,
            f"not installed: {', '.join(missing)}. Run `make lab`, or `pip install -e '.[lab]'`",
        )
    return (
        True,
        f"packages: torch {version('torch')}, ipywidgets {version('ipywidgets')}, altair {version('altair')}",
    )


def _widgets() -> tuple[bool, str]:
    if is_live():
        return True, "live page: charts move while the fleet trains"
    return (
        True,
        "no live page here: charts come as pictures, numbers are the same (FTTE_MODE=live to insist)",
    )


def _data() -> tuple[bool, str]:
    from ftte_lab.data import load

    shapes = {
        name: load(name, people=2, samples_per_person=8).shape for name in ("motion", "digits")
    }
    return True, f"offline data: motion {shapes['motion']}, digits {shapes['digits']}"


def _drawing() -> tuple[bool, str]:
    import vl_convert

    spec = {
        "mark": "point",
        "data": {"values": [{"a": 1}]},
        "encoding": {"x": {"field": "a", "type": "quantitative"}},
    }
    try:
        return vl_convert.vegalite_to_png(spec).startswith(b"\x89PNG"), "charts can be drawn"
    except Exception as error:  # whatever it is, it is told
        return False, f"charts cannot be drawn ({error}). Install vl-convert-python again"


def _disk() -> tuple[bool, str]:
    try:
        with tempfile.NamedTemporaryFile(dir=Path.cwd()):
            return True, "this folder can be written: your answers and predictions are kept"
    except OSError:
        return (
            False,
            "this folder cannot be written. Copy the notebooks to one of yours, or set FTTE_PROGRESS",
        )
