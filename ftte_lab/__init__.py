"""A teaching and exploration kit for FTTE, the Federated Tiny Training Engine (arXiv 2510.03165).

Describe a run (`Scenario`, `PRESETS`), run it (`run`, `simulate`, `compare`, `headline`) and look at it (`charts`).
The parts of the method stand alone and take plain arguments: `subset`, `memory`, `aggregation`, `timeline`, `devices`,
`data`. The paper's method section is not public: formulas below its headline are our documented reconstruction.
"""

from ftte_lab.engine import compare, run, simulate
from ftte_lab.headline import headline, table
from ftte_lab.history import History
from ftte_lab.memory import training_bill
from ftte_lab.ondevice import measure_peak
from ftte_lab.prepare import prepare
from ftte_lab.presets import PRESETS, preset
from ftte_lab.scenario import Scenario

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
