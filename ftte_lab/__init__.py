"""A teaching and exploration kit for FTTE, the Federated Tiny Training Engine (arXiv 2510.03165).

Describe a run (`Scenario`, `preset`), run it (`run`, `simulate`, `run_all`, `headline`) and look at
it (`charts`). The parts of the method stand alone and take plain arguments: see the packages
`server`, `devices`, `training`, `models` and `data`. We had the paper's abstract and introduction,
not its method section: formulas below its headline are our documented reconstruction.
"""

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
