"""Declare the settings of the server: protocol and weights, and the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ftte_lab.models import BITS
from ftte_lab.server import (
    COMBINATIONS,
    LARGEST_TRIM,
    MEANS,
    NORMALISATIONS,
    STALENESS,
    VARIANCES,
)
from ftte_lab.simulation.methods import METHODS
from ftte_lab.simulation.setting import Knob, setting


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Set when the server steps and how it weights updates."""

    method: str = setting(
        "ftte",
        group="server",
        choices=METHODS,
        label="method",
        doc="Name of the method; use as_method to take over its settings.",
    )
    concurrency: int = setting(
        30,
        group="server",
        low=1,
        high=1_000_000,
        label="concurrency M",
        knob=Knob(low=1, high=100, step=1),
        doc="Clients that train at once.",
    )
    buffer: int | None = setting(
        10,
        group="server",
        low=1,
        high=1_000_000,
        label="buffer capacity K",
        knob=Knob(low=1, high=50, step=1),
        doc="Updates per server step.",
        none="as many as the concurrency",
    )
    refill: Literal["arrival", "step"] = setting(
        "arrival",
        group="server",
        choices=("arrival", "step"),
        label="refill slots at",
        doc="Start new clients on each arrival, or only at the server step.",
    )
    over_select: float = setting(
        0.0,
        group="server",
        low=0,
        high=10,
        label="over-selection",
        knob=Knob(high=1, step=0.1, readout=".0%"),
        doc="Synchronous only: start this share more clients and abort the late ones.",
    )
    max_staleness: int | None = setting(
        None,
        group="server",
        low=0,
        high=1_000_000,
        label="largest staleness",
        knob=Knob(steps=(0, 2, 5, 10, 20)),
        doc="Discard updates that are older than this many versions.",
        none="keep all",
    )
    staleness: str = setting(
        "poly",
        group="server",
        choices=STALENESS,
        label="staleness function",
        doc="Form of the weight by age.",
    )
    age_exponent: float = setting(
        0.5,
        group="server",
        low=0,
        high=100,
        label="age exponent a",
        knob=Knob(high=3, step=0.1, readout=".1f"),
        doc="Strength of the weight by age; 0: age does not matter; 1: age n weighs 1/(1+n).",
    )
    hinge_at: float = setting(
        6.0,
        group="server",
        low=0,
        high=1e6,
        label="hinge at age",
        knob=Knob(high=30, step=1, readout=".0f"),
        doc="Age up to which the hinge function keeps the full weight.",
    )
    variance: str = setting(
        "entries",
        group="server",
        choices=VARIANCES,
        label="variance",
        doc="What the variance of an update is.",
        why="the one that a client can compute itself",
    )
    variance_exponent: float = setting(
        0.25,
        group="server",
        low=0,
        high=100,
        label="variance exponent b",
        knob=Knob(high=3, step=0.05, readout=".2f"),
        doc="Strength of the weight by variance; 0: it does not matter; larger: noisy updates "
        "weigh less.",
        why="it stops loud clients; 1 stops no more, and costs a point or two",
    )
    sample_exponent: float = setting(
        0.0,
        group="server",
        low=0,
        high=10,
        label="sample exponent p",
        knob=Knob(high=2, step=0.1, readout=".1f"),
        doc="Strength of the weight by sample count; 1: as FedAvg weights.",
    )
    normalise: str = setting(
        "sum",
        group="server",
        choices=NORMALISATIONS,
        label="normalise by",
        doc="Divide the weights by their sum, or by the number of updates.",
    )
    combine: str = setting(
        "updates",
        group="server",
        choices=COMBINATIONS,
        label="combine",
        edition=2,
        doc="What the server averages: updates, or models, or it mixes their models into its own.",
        why="an old update then adds what its client learned, and takes nothing back",
    )
    mean: str = setting(
        "weighted",
        group="server",
        choices=MEANS,
        label="mean",
        edition=2,
        doc="Mean of the updates: weighted, or entry by entry their median or trimmed mean.",
    )
    trim: float = setting(
        0.2,
        group="server",
        low=0,
        high=LARGEST_TRIM,
        label="trim",
        edition=2,
        knob=Knob(high=0.45, step=0.05, readout=".0%"),
        doc="Share of the weight that a trimmed mean cuts from each end.",
        why="two of ten updates at each end",
    )
    server_rate: float = setting(
        1.0,
        group="server",
        low=1e-6,
        high=100,
        label="server rate",
        knob=Knob(low=-4, high=3, step=0.25, log=True, base=2, readout=".2f"),
        doc="Step length of the server along the mean update.",
        why="tune it per method before you compare",
    )
    server_momentum: float = setting(
        0.0,
        group="server",
        low=0,
        high=0.999,
        label="server momentum",
        knob=Knob(high=0.95, step=0.05, readout=".2f"),
        doc="Share of the last server step that is repeated.",
    )
    server_average: float = setting(
        0.0,
        group="server",
        low=0,
        high=0.9999,
        label="running average",
        knob=Knob(high=0.98, step=0.02, readout=".2f"),
        doc="Weight of the past in a running average of the server's models; 0: no average.",
    )
    payload_bits: int = setting(
        32,
        group="server",
        choices=BITS,
        label="bits per entry",
        edition=2,
        doc="Bits of an entry that travels, up and down: float32, float16, or steps of int8 with a "
        "scale per tensor.",
        why="no rounding",
    )
    payload_names: bool = setting(
        True,
        group="server",
        label="names in messages",
        edition=2,
        doc="Send the tensors' names with each message; off: a bare row in the order of the index.",
        why="safetensors, which any reader understands",
    )


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Set how long a run is and how it is evaluated."""

    horizon_s: float = setting(
        2_000.0,
        group="run",
        low=1e-3,
        high=1e12,
        label="virtual time, s",
        knob=Knob(low=1, high=5, step=0.05, log=True, readout=",.0f"),
        doc="Length of the run in virtual seconds.",
        why="FTTE has climbed most of its way, in three real seconds",
    )
    max_updates: int | None = setting(
        None,
        group="run",
        low=1,
        high=1_000_000_000,
        label="largest number of updates",
        knob=Knob(steps=(500, 1000, 2500, 5000)),
        doc="End after this many client updates, if that is before the horizon.",
        none="run to the horizon",
    )
    evaluations: int = setting(
        60,
        group="run",
        low=2,
        high=100_000,
        label="evaluations",
        knob=Knob(steps=(15, 30, 60, 120, 240)),
        doc="Largest number of points of a curve.",
        why="more than the eye follows",
    )
    seed: int = setting(
        0,
        group="run",
        low=0,
        high=2**32 - 1,
        label="seed",
        affects=("start", "gains", "search"),
        doc="Seed of all random draws: other people, devices and chances.",
    )
