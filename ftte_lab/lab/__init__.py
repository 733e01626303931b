"""The Lab: knobs and charts in a notebook, or the same numbers without one."""

from ftte_lab.lab.board import PANELS
from ftte_lab.lab.knobs import KNOBS
from ftte_lab.lab.lab import Lab
from ftte_lab.lab.live.mode import is_live
from ftte_lab.lab.live.runner import CancelledError
from ftte_lab.lab.settings import Settings

__all__ = ["KNOBS", "PANELS", "CancelledError", "Lab", "Settings", "is_live"]
