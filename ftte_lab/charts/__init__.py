"""Charts: pure functions from History, Timeline, MemoryBill and the like to a `Figure`.

Nothing here computes a result; a chart shows what the record holds. The same functions draw a
printed page and, ten times a second, a running one: a `Figure` separates the drawing, made once,
from its numbers.
"""

from ftte_lab._common import seconds, size
from ftte_lab.charts.chance import draws, predicted_gain
from ftte_lab.charts.charge import charge
from ftte_lab.charts.clients import client_quantiles
from ftte_lab.charts.curve_axes import AXIS_TITLES, METRICS, metric_title
from ftte_lab.charts.curves import LiveView, accuracy, curves
from ftte_lab.charts.figure import Figure, Template, template
from ftte_lab.charts.fleet import FLEET_SIGNS, fleet
from ftte_lab.charts.gantt import first_devices, gantt
from ftte_lab.charts.guesses import guesses
from ftte_lab.charts.heard import accuracy_map, weight_share
from ftte_lab.charts.images import images
from ftte_lab.charts.labels import label_map
from ftte_lab.charts.ladder import ladder
from ftte_lab.charts.memory import levers, memory
from ftte_lab.charts.palette import (
    KindStyle,
    MethodStyle,
    kind_styles,
    label,
    method_scales,
    method_styles,
)
from ftte_lab.charts.personal import personal_gain
from ftte_lab.charts.privacy import privacy_loss
from ftte_lab.charts.slide import LONGEST_SENTENCE, Slide, projected, slide
from ftte_lab.charts.step_memory import step_memory
from ftte_lab.charts.style import Theme, finish
from ftte_lab.charts.subset import subset_map, subset_strip
from ftte_lab.charts.sweep import sweep_lines, sweep_map
from ftte_lab.charts.traffic import bytes_per_update, bytes_sent
from ftte_lab.charts.updates import staleness, weights

__all__ = [
    "AXIS_TITLES",
    "FLEET_SIGNS",
    "LONGEST_SENTENCE",
    "METRICS",
    "Figure",
    "KindStyle",
    "LiveView",
    "MethodStyle",
    "Slide",
    "Template",
    "Theme",
    "accuracy",
    "accuracy_map",
    "bytes_per_update",
    "bytes_sent",
    "charge",
    "client_quantiles",
    "curves",
    "draws",
    "finish",
    "first_devices",
    "fleet",
    "gantt",
    "guesses",
    "images",
    "kind_styles",
    "label",
    "label_map",
    "ladder",
    "levers",
    "memory",
    "method_scales",
    "method_styles",
    "metric_title",
    "personal_gain",
    "predicted_gain",
    "privacy_loss",
    "projected",
    "seconds",
    "size",
    "slide",
    "staleness",
    "step_memory",
    "subset_map",
    "subset_strip",
    "sweep_lines",
    "sweep_map",
    "template",
    "weight_share",
    "weights",
]
