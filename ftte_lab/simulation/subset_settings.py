"""Declare the settings of memory and subset: what is trained, within which memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ftte_lab.devices import ACCOUNTINGS
from ftte_lab.server import MEASURES, MOST_PHASES, SOLVERS
from ftte_lab.simulation.setting import Knob, setting


@dataclass(frozen=True, kw_only=True)
class SubsetSettings:
    """Set what is trained, within which memory."""

    subset: str = setting(
        "search",
        group="subset",
        choices=("search", "full"),
        label="subset",
        doc="Train a searched subset of the parameters, or all of them.",
    )
    subset_per: Literal["fleet", "kind"] = setting(
        "fleet",
        group="subset",
        choices=("fleet", "kind"),
        label="one subset per",
        doc="One subset that the weakest device can hold, or one for each kind of device.",
    )
    budget_kib: float | None = setting(
        None,
        group="subset",
        low=1e-3,
        high=1e9,
        label="memory budget, KiB",
        knob=Knob(low=6, high=11, step=0.125, log=True, base=2, readout=".0f", digits=3),
        doc="Memory that a training step of a searched subset may use at once on a device.",
        none="the memory of the weakest device in the fleet",
    )
    accounting: str = setting(
        "pytorch",
        group="subset",
        choices=ACCOUNTINGS,
        label="accounting",
        affects=("search",),
        doc="Bytes per entry in the memory bill.",
        why="fp32, the one that a measurement proves",
    )
    contribution: str = setting(
        "fisher",
        group="subset",
        choices=MEASURES,
        label="gain measure",
        affects=("gains",),
        doc="How the worth of a tensor is measured.",
    )
    channels_by: str = setting(
        "gain",
        group="subset",
        choices=("magnitude", "gain"),
        label="channels by",
        affects=("gains",),
        doc="Which channels of a tensor come first: largest norm or gain.",
    )
    gain_exponent: float = setting(
        1.0,
        group="subset",
        low=0.1,
        high=1,
        label="gain exponent",
        affects=("gains",),
        knob=Knob(low=0.1, high=1, step=0.05, readout=".2f", digits=2),
        doc="Diminishing returns: a tensor is worth the sum of its channels' gains to this power.",
        why="gains add up; 1/2 is not proven better",
        edition=2,
    )
    solver: str = setting(
        "exact",
        group="subset",
        choices=SOLVERS,
        label="solver",
        affects=("search",),
        doc="How the subset is searched within the budget.",
        why="a proven optimum",
    )
    granularity: Literal["channel", "layer"] = setting(
        "channel",
        group="subset",
        choices=("channel", "layer"),
        label="granularity",
        affects=("search",),
        doc="What the search decides: the channels of each tensor, or complete layers.",
        edition=2,
    )
    payload_share: float | None = setting(
        None,
        group="subset",
        low=1e-6,
        high=1,
        label="payload limit",
        affects=("search",),
        knob=Knob(low=0.05, high=1, step=0.05, readout=".0%", digits=3),
        doc="Largest share of the parameters to train and send.",
        none="memory alone decides",
    )
    phases: int = setting(
        1,
        group="subset",
        low=1,
        high=MOST_PHASES,
        label="phases",
        knob=Knob(low=1, high=8, step=1),
        doc="How many subsets the fleet trains one after the other; 1: the same all the time.",
        why="in our runs, more phases help on one task and not on the other",
        edition=2,
    )
    first_phase: float = setting(
        0.5,
        group="subset",
        low=0.05,
        high=0.95,
        label="first phase",
        knob=Knob(low=0.05, high=0.95, step=0.05, readout=".0%", digits=2),
        doc="Share of the run before the subset is redrawn; the other phases share the rest.",
        edition=2,
    )
    exclude_small: bool = setting(
        False,
        group="subset",
        label="exclude small devices",
        doc="Leave out devices that cannot hold the training step.",
        why="off is idealised, as in most papers",
    )
