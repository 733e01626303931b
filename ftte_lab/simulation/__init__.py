"""One run: Scenario -> Prepared -> events -> History."""

from ftte_lab.simulation.engine import run, simulate
from ftte_lab.simulation.events import Evaluated, Event, Finished, Ready, Stepped
from ftte_lab.simulation.federation import Federation, federation
from ftte_lab.simulation.history import AXES, History, faster, saved
from ftte_lab.simulation.methods import METHODS, Method
from ftte_lab.simulation.prepare import Prepared, policy, prepare
from ftte_lab.simulation.recorder import evaluation_versions
from ftte_lab.simulation.scenario import (
    DEFAULTS,
    FIRST_EDITION,
    SETTINGS,
    Scenario,
    settings_page,
)
from ftte_lab.simulation.setting import GROUPS, Knob, Setting, setting
from ftte_lab.simulation.smoothing import (
    WIDTHS_PER_HORIZON,
    first_reached,
    smooth,
    smoothing_width_s,
)
from ftte_lab.simulation.tier import Tier, Tiers
from ftte_lab.simulation.traffic import Traffic

__all__ = [
    "AXES",
    "DEFAULTS",
    "FIRST_EDITION",
    "GROUPS",
    "METHODS",
    "SETTINGS",
    "WIDTHS_PER_HORIZON",
    "Evaluated",
    "Event",
    "Federation",
    "Finished",
    "History",
    "Knob",
    "Method",
    "Prepared",
    "Ready",
    "Scenario",
    "Setting",
    "Stepped",
    "Tier",
    "Tiers",
    "Traffic",
    "evaluation_versions",
    "faster",
    "federation",
    "first_reached",
    "policy",
    "prepare",
    "run",
    "saved",
    "setting",
    "settings_page",
    "simulate",
    "smooth",
    "smoothing_width_s",
]
