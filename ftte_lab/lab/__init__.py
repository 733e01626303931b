"""What a student touches: `Lab(show=[...])`, knobs and charts in a notebook, or the same numbers without one."""

from ftte_lab.lab._board import PANELS
from ftte_lab.lab._controls import BUILDERS
from ftte_lab.lab._lab import Lab
from ftte_lab.lab._settings import Settings
from ftte_lab.live import CancelledError

KNOBS = tuple(BUILDERS)
"""The names that `Lab(show=...)` takes."""

__all__ = ["KNOBS", "PANELS", "CancelledError", "Lab", "Settings"]
