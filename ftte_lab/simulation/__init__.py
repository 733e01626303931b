"""One run: Scenario -> Prepared -> events -> History."""

from ftte_lab.simulation.cost_ledger import CostLedger
from ftte_lab.simulation.engine import run, simulate
from ftte_lab.simulation.events import Evaluated, Event, Finished, Ready
from ftte_lab.simulation.federation import Federation, client_data, federation
from ftte_lab.simulation.global_model import GlobalModel
from ftte_lab.simulation.history import AXES, History, faster, saved
from ftte_lab.simulation.kept import code_state, keep_prepared
from ftte_lab.simulation.local_training import client_labels, local_optimiser
from ftte_lab.simulation.methods import METHODS, Method
from ftte_lab.simulation.prepare import prepare
from ftte_lab.simulation.prepared import Prepared, faulty_of, policy
from ftte_lab.simulation.recorder import Recorder, evaluation_versions
from ftte_lab.simulation.rounding import Rounding, packed_update
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
from ftte_lab.simulation.stepped import BufferedUpdates, Stepped
from ftte_lab.simulation.tier import Tier, Tiers, entry_places
from ftte_lab.simulation.together import trained_together
from ftte_lab.simulation.traffic import Traffic
from ftte_lab.simulation.workers.dispatch import expected_seconds
from ftte_lab.simulation.workers.run_pool import Race, warm_up
from ftte_lab.simulation.workers.run_worker import RemoteRun

__all__ = [
    "AXES",
    "DEFAULTS",
    "FIRST_EDITION",
    "GROUPS",
    "METHODS",
    "SETTINGS",
    "WIDTHS_PER_HORIZON",
    "BufferedUpdates",
    "CostLedger",
    "Evaluated",
    "Event",
    "Federation",
    "Finished",
    "GlobalModel",
    "History",
    "Knob",
    "Method",
    "Prepared",
    "Race",
    "Ready",
    "Recorder",
    "RemoteRun",
    "Rounding",
    "Scenario",
    "Setting",
    "Stepped",
    "Tier",
    "Tiers",
    "Traffic",
    "client_data",
    "client_labels",
    "code_state",
    "entry_places",
    "evaluation_versions",
    "expected_seconds",
    "faster",
    "faulty_of",
    "federation",
    "first_reached",
    "keep_prepared",
    "local_optimiser",
    "packed_update",
    "policy",
    "prepare",
    "run",
    "saved",
    "setting",
    "settings_page",
    "simulate",
    "smooth",
    "smoothing_width_s",
    "trained_together",
    "warm_up",
]
