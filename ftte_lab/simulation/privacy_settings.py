"""Declare the settings of privacy: what a device's update may show, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ftte_lab.server import LARGEST_DELTA
from ftte_lab.simulation.setting import Knob, setting


@dataclass(frozen=True, kw_only=True)
class PrivacySettings:
    """Set how updates are clipped, hidden in noise, and masked."""

    clip_norm: float | None = setting(
        None,
        group="privacy",
        low=1e-6,
        high=1e6,
        label="clip norm C",
        edition=2,
        knob=Knob(steps=(0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0)),
        doc="Shorten each weighted update to at most this norm.",
        none="no update is shortened",
    )
    noise_multiplier: float = setting(
        0.0,
        group="privacy",
        low=0,
        high=1000,
        label="noise multiplier z",
        edition=2,
        knob=Knob(high=16, step=0.25, readout=".2f"),
        doc="Noise in the sum of a buffer: its standard deviation is this many clip norms.",
        why="no noise, and no differential privacy",
    )
    delta: float = setting(
        1e-5,
        group="privacy",
        low=1e-12,
        high=LARGEST_DELTA,
        label="privacy δ",
        edition=2,
        knob=Knob(low=-9, high=-2, step=0.5, log=True, readout=".1e", digits=10),
        doc="Probability with which the privacy loss ε of a device may be larger than stated.",
        why="as in most papers; it should lie well below one in the number of devices",
    )
    max_participations: int | None = setting(
        None,
        group="privacy",
        low=1,
        high=1_000_000,
        label="largest participations",
        edition=2,
        knob=Knob(steps=(1, 2, 5, 10, 20, 50, 100)),
        doc="A device of which so many updates were taken is not started again.",
        none="as often as it comes",
    )
    adaptive_clip: bool = setting(
        False,
        group="privacy",
        label="adaptive clip",
        edition=2,
        doc="Let the clip norm follow a quantile of the updates' norms, from a noisy count.",
        why="a fixed norm is easier to explain",
    )
    clip_quantile: float = setting(
        0.5,
        group="privacy",
        low=0,
        high=1,
        label="clip quantile",
        edition=2,
        knob=Knob(high=1, step=0.05, readout=".0%"),
        doc="Share of the updates that an adaptive clip leaves as they are.",
        why="the median, as in the paper",
    )
    secure_aggregation: bool = setting(
        False,
        group="privacy",
        label="secure aggregation",
        edition=2,
        doc="Mask each update, so that the server reads only the sum of a buffer.",
        why="off, the server reads each update, as in most papers",
    )
    private: Literal["head", "norms"] | None = setting(
        None,
        group="privacy",
        choices=("head", "norms"),
        label="private part",
        edition=2,
        doc="Tensors that each device trains for itself and never sends: classifier or norms.",
        none="all that is trained is sent",
    )
