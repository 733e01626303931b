"""Charts: pure functions from History, Timeline, MemoryBill and the like to a `Figure` (chart and a sentence).

Nothing here computes a result; a chart shows what the record holds. The same functions draw a printed page and, ten
times a second, a running one: a `Figure` separates the drawing, made once, from its numbers.
"""

from ftte_lab.charts._bars import bytes_per_update, bytes_sent, memory, subset_map
from ftte_lab.charts._curves import AXIS_TITLES, METRICS, accuracy, curves, metric_title
from ftte_lab.charts._figure import Figure, Template
from ftte_lab.charts._fleet import fleet
from ftte_lab.charts._gantt import gantt
from ftte_lab.charts._updates import staleness, weights
from ftte_lab.charts.style import label, seconds, size

__all__ = [
    "AXIS_TITLES", "METRICS", "Figure", "Template", "accuracy", "bytes_per_update", "bytes_sent", "curves", "fleet",
    "gantt", "label", "memory", "metric_title", "seconds", "size", "staleness", "subset_map", "weights",
]  # fmt: skip
