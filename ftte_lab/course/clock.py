"""Draw a real run beside its prediction, as a page shows it."""

from __future__ import annotations

from ftte_lab.charts import Figure, Template
from ftte_lab.deployment import RealRun, order_agreement, picture_spec
from ftte_lab.simulation import History


def clock(run: RealRun, simulated: History | None = None) -> Figure:
    """Draw durations, staleness, arrivals and accuracy of a real run beside the prediction.

    Args:
        run: what the real processes did, with real arrivals.
        simulated: the record of the same scenario in the simulation.
    """
    spec = picture_spec(run, simulated)
    predicted, measured = run.predicted.timeline, run.measured.timeline
    steps = f"{len(predicted.step_s)} server steps were predicted, {len(measured.step_s)} made"
    agree = order_agreement(predicted, measured)
    text = (
        "Four charts, predicted beside measured: time by phase, staleness, arrivals, accuracy; "
        f"{steps}; {agree:.0%} of all pairs of arrivals came in the predicted order."
    )
    return Figure(Template(spec, spec), {}, text)
