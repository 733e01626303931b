"""The Lab: knobs and charts in a notebook, or the same numbers without one."""

from ftte_lab.lab.knobs import KNOBS
from ftte_lab.lab.lab import Lab
from ftte_lab.lab.live.mode import is_live
from ftte_lab.lab.live.runner import CancelledError
from ftte_lab.lab.panels import PANELS
from ftte_lab.lab.results import Results
from ftte_lab.lab.settings import Settings
from ftte_lab.lab.tools.compare_tool import CompareTool
from ftte_lab.lab.tools.data_tool import DataTool
from ftte_lab.lab.tools.find_tool import FindTool
from ftte_lab.lab.tools.gallery_tool import GalleryTool
from ftte_lab.lab.tools.model_file import TrainedModel, load_model
from ftte_lab.lab.tools.story import Story
from ftte_lab.lab.tools.story_tool import StoryTool
from ftte_lab.lab.tools.sweep_tool import SweepTool
from ftte_lab.lab.tools.toolbox import TOOLS

TOOLS[:] = [GalleryTool, FindTool, SweepTool, CompareTool, StoryTool, DataTool]

__all__ = [
    "KNOBS",
    "PANELS",
    "CancelledError",
    "Lab",
    "Results",
    "Settings",
    "Story",
    "TrainedModel",
    "is_live",
    "load_model",
]
