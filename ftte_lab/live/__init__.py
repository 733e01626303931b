"""Live drawing: one worker that computes, one stage that shows, one Vega per page."""

from ftte_lab.live._fleet import fleet_message
from ftte_lab.live._marks import Marks
from ftte_lab.live._mode import MODES, is_live
from ftte_lab.live._runner import CancelledError, Runner
from ftte_lab.live._stage import Stage
from ftte_lab.live._subshell import forget_route

__all__ = ["MODES", "CancelledError", "Marks", "Runner", "Stage", "fleet_message", "forget_route", "is_live"]
