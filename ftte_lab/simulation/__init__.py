"""One run: Scenario -> Prepared -> events -> History."""

from ftte_lab.simulation.engine import compare, run, simulate
from ftte_lab.simulation.events import Evaluated, Event, Finished, Ready, Stepped
from ftte_lab.simulation.federation import Federation, federation
from ftte_lab.simulation.history import AXES, History, faster, saved, smooth
from ftte_lab.simulation.methods import METHODS
from ftte_lab.simulation.prepare import Prepared, policy, prepare
from ftte_lab.simulation.recorder import evaluation_versions
from ftte_lab.simulation.scenario import Scenario
from ftte_lab.simulation.tiers import Tier, Tiers, Traffic

__all__ = [
    "AXES",
    "METHODS",
    "Evaluated",
    "Event",
    "Federation",
    "Finished",
    "History",
    "Prepared",
    "Ready",
    "Scenario",
    "Stepped",
    "Tier",
    "Tiers",
    "Traffic",
    "compare",
    "evaluation_versions",
    "faster",
    "federation",
    "policy",
    "prepare",
    "run",
    "saved",
    "simulate",
    "smooth",
]
