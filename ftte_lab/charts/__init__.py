"""Charts: pure functions from History, Timeline, MemoryBill and the like to a `Figure` (chart and a sentence).

Nothing here computes a result; a chart shows what the record holds. The same functions draw a printed page and, ten
times a second, a running one: a `Figure` separates the drawing, made once, from its numbers.
"""

from ftte_lab._common import seconds, size
from ftte_lab.charts.bars import bytes_per_update, bytes_sent, memory, subset_map
from ftte_lab.charts.curves import AXIS_TITLES, METRICS, accuracy, curves, metric_title
from ftte_lab.charts.figure import Figure, Template
from ftte_lab.charts.fleet import fleet
from ftte_lab.charts.gantt import gantt
from ftte_lab.charts.images import images
from ftte_lab.charts.labels import label_map
from ftte_lab.charts.slide import Slide, slide
from ftte_lab.charts.style import DARK, KIND_COLOURS, KIND_SHAPES, LIGHT, label
from ftte_lab.charts.updates import staleness, weights

__all__ = [
    "AXIS_TITLES",
    "DARK",
    "KIND_COLOURS",
    "KIND_SHAPES",
    "LIGHT",
    "METRICS",
    "Figure",
    "Slide",
    "Template",
    "accuracy",
    "bytes_per_update",
    "bytes_sent",
    "curves",
    "fleet",
    "gantt",
    "images",
    "label",
    "label_map",
    "memory",
    "metric_title",
    "seconds",
    "size",
    "slide",
    "staleness",
    "subset_map",
    "weights",
]
