"""`doctor`: check before the class whether this machine has everything that the course needs."""

from __future__ import annotations

import platform
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ftte_lab._common import cores, is_file
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
Finding = tuple[bool, str]
"""Whether one thing is as it should be, and a sentence about it."""


def doctor() -> bool:
    """Check Python, packages, data, drawing and disk, and show what is wrong and how to fix it.

    Returns:
        Whether everything is as it should be.
    """
    findings = [probe() for probe in (_python, _packages, _widgets, _data, _drawing, _disk)]
    lines = [f"{'✔' if ok else '✘'} {text}" for ok, text in findings]
    healthy = all(ok for ok, _ in findings)
    if healthy:
        lines.append("Everything is here; no network is needed.")
    else:
        lines.append("Fix what is marked ✘, then run doctor() again.")
    display_text("\n".join(lines), "<br>".join(lines))
    return healthy


def _python() -> Finding:
    recent = sys.version_info >= (3, 11)
    return recent, f"Python {platform.python_version()} (3.11 or newer), {cores()} processor cores"


def _packages() -> Finding:
    missing = []
    for name in _NEEDED:
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return False, f"not installed: {', '.join(missing)}. {_remedy()}"
    shown = ", ".join(f"{name} {version(name)}" for name in ("torch", "ipywidgets", "altair"))
    return True, f"packages: {shown}"


def _remedy() -> str:
    """Return how to install what is missing: a wheel has neither Makefile nor project file."""
    if is_file(Path(__file__).parents[2] / "Makefile"):
        return "Run `make lab`, or `pip install -e '.[lab]'`"
    return "Run `pip install 'ftte_lab[lab]'`, then `ftte-lab start`"


def _widgets() -> Finding:
    if is_live():
        return True, "live page: charts move while the fleet trains"
    return True, (
        "no live page here: charts appear as pictures, numbers are the same "
        "(FTTE_MODE=live asks for a live page)"
    )


def _data() -> Finding:
    from ftte_lab.data import load

    shapes = {
        name: load(name, people=2, samples_per_person=8).shape for name in ("motion", "digits")
    }
    return True, f"offline data: motion {shapes['motion']}, digits {shapes['digits']}"


def _drawing() -> Finding:
    import vl_convert

    spec = {
        "mark": "point",
        "data": {"values": [{"a": 1}]},
        "encoding": {"x": {"field": "a", "type": "quantitative"}},
    }
    try:
        return vl_convert.vegalite_to_png(spec).startswith(b"\x89PNG"), "charts can be drawn"
    except Exception as error:  # any error at all is shown to the user
        return False, f"charts cannot be drawn ({error}). Install vl-convert-python again"


def _disk() -> Finding:
    try:
        with tempfile.NamedTemporaryFile(dir=Path.cwd()):
            return True, "this folder can be written: your answers and predictions are kept"
    except OSError:
        return False, (
            "this folder cannot be written. Copy the notebooks to one of yours, "
            "or set FTTE_PROGRESS"
        )
