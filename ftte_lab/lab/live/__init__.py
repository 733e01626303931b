"""The live page: one worker that computes, one stage that shows, one Vega per page."""

from ftte_lab.lab.live.fleet_message import fleet_message
from ftte_lab.lab.live.marks import Marks
from ftte_lab.lab.live.mode import MODES, is_live
from ftte_lab.lab.live.runner import CancelledError, Runner
from ftte_lab.lab.live.stage import Stage
from ftte_lab.lab.live.subshell import forget_route

__all__ = [
    "MODES",
    "CancelledError",
    "Marks",
    "Runner",
    "Stage",
    "fleet_message",
    "forget_route",
    "is_live",
]
