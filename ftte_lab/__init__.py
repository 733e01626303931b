"""A teaching and exploration kit for FTTE, the Federated Tiny Training Engine (arXiv 2510.03165).

Describe a run (`Scenario`, `preset`), run it (`run`, `simulate`, `run_all`, `headline`) and look at
it (`charts`). The parts of the method stand alone and take plain arguments: see the packages
`server`, `devices`, `training`, `models` and `data`. We had the paper's abstract and introduction,
not its method section: formulas below its headline are our documented reconstruction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ftte_lab.devices import measure_peak, training_bill
    from ftte_lab.experiments import PRESETS, Comparison, headline, preset, run_all, table
    from ftte_lab.simulation import History, Scenario, prepare, run, simulate

__all__ = [
    "PRESETS",
    "Comparison",
    "History",
    "Scenario",
    "headline",
    "measure_peak",
    "prepare",
    "preset",
    "run",
    "run_all",
    "simulate",
    "table",
    "training_bill",
]

_HOLDERS = ("devices", "simulation", "experiments")  # of the names above, the lightest first
_PACKAGES = (
    "data models devices training server simulation deployment experiments charts lab course"
)


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: a node of a real fleet needs few of them."""
    from importlib import import_module

    if name in _PACKAGES.split():
        return import_module(f"ftte_lab.{name}")
    if name in __all__:
        for holder in _HOLDERS:
            found = import_module(f"ftte_lab.{holder}")
            if hasattr(found, name):
                globals()[name] = value = getattr(found, name)
                return value
    raise AttributeError(f"module 'ftte_lab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
