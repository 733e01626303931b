"""A teaching and exploration kit for FTTE, the Federated Tiny Training Engine (arXiv 2510.03165).

Describe a run (`Scenario`, `PRESETS`), run it (`run`, `simulate`, `compare`, `headline`) and look at it (`charts`).
The parts of the method stand alone and take plain arguments: `subset`, `memory`, `aggregation`, `timeline`, `devices`,
`data`. The paper's method section is not public: formulas below its headline are our documented reconstruction.
"""

from ftte_lab.devices import measure_peak, training_bill
from ftte_lab.experiments import PRESETS, headline, preset, table
from ftte_lab.simulation import History, Scenario, compare, prepare, run, simulate

__all__ = [
    "PRESETS",
    "History",
    "Scenario",
    "compare",
    "headline",
    "measure_peak",
    "prepare",
    "preset",
    "run",
    "simulate",
    "table",
    "training_bill",
]
