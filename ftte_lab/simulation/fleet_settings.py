"""Declare the settings of the clients: data, devices, model and local training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ftte_lab.data import SOURCES
from ftte_lab.devices import CATALOGUE, FAULTS
from ftte_lab.models import MODELS
from ftte_lab.server import CORRECTIONS
from ftte_lab.simulation.setting import Knob, setting

_MIX = {"sensor": 0.5, "watch": 0.3, "phone": 0.2}


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Set which data the clients hold."""

    data: str = setting(
        "motion",
        group="data",
        choices=SOURCES,
        label="data set",
        affects=("start",),
        doc="Data set; motion and digits work offline, others after a download.",
        why="generated people, each with an own style: clients differ naturally",
    )
    clients: int = setting(
        100,
        group="data",
        low=2,
        high=1_000_000,
        label="clients",
        affects=("start",),
        knob=Knob(low=2, high=500, step=1),
        doc="Number of devices in the fleet.",
        why="a classroom's picture of many; the authors go to 500",
    )
    alpha: float | None = setting(
        None,
        group="data",
        low=1e-3,
        high=1e6,
        label="label skew α",
        affects=("federation",),
        knob=Knob(steps=(0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0)),
        doc="Dirichlet concentration of the label skew; small: few classes per client.",
        none="by person where the data have persons, else IID",
    )
    slow_class: int | None = setting(
        None,
        group="data",
        low=0,
        high=10_000,
        label="class of the slowest",
        knob=Knob(steps=(0, 1, 2, 3)),
        affects=("federation",),
        doc="A class that the slowest devices hold (needs alpha).",
        none="speed and data are independent",
    )
    samples_per_client: int = setting(
        40,
        group="data",
        low=4,
        high=100_000,
        label="samples per client",
        affects=("start",),
        knob=Knob(steps=(10, 20, 40, 80, 160)),
        doc="Training samples on each client.",
        why="a few minutes of wear: local data are scarce",
    )


@dataclass(frozen=True, kw_only=True)
class DeviceSettings:
    """Set which devices take part."""

    mix: Mapping[str, float] = setting(
        factory=lambda: dict(_MIX),
        group="devices",
        choices=CATALOGUE,
        label="device mix, always 100 %",
        affects=("federation",),
        doc="Share of each device kind; the shares sum to 1.",
    )
    straggler_share: float = setting(
        0.9,
        group="devices",
        low=0,
        high=1,
        label="straggler share",
        affects=("federation",),
        knob=Knob(step=0.05, readout=".0%"),
        doc="Share of the devices that are slow.",
        why="the authors' hardest setting",
    )
    straggler_factor: float = setting(
        10.0,
        group="devices",
        low=1,
        high=1e6,
        label="straggler factor",
        affects=("federation",),
        knob=Knob(low=0, high=2, step=0.05, log=True, readout=".1f", digits=3),
        doc="How many times slower a straggler computes and communicates.",
        why="slow by an order of magnitude",
    )
    jitter: float = setting(
        0.25,
        group="devices",
        low=0,
        high=3,
        label="jitter",
        knob=Knob(high=1, step=0.05, readout=".2f"),
        doc="Log-normal spread of the duration of each participation.",
        why="no two participations of a device last the same",
    )
    dropout: float | None = setting(
        None,
        group="devices",
        low=0,
        high=0.99,
        label="drop-out",
        affects=("federation",),
        knob=Knob(steps=(0.0, 0.05, 0.1, 0.2, 0.3, 0.5)),
        doc="Probability that a participation never arrives.",
        none="each kind's own, about one in twelve",
    )
    app_memory_share: float | None = setting(
        None,
        group="devices",
        low=1e-6,
        high=1,
        label="memory for training",
        affects=("federation",),
        edition=2,
        knob=Knob(steps=(0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 1.0)),
        doc="Share of its RAM that a device with an operating system offers to training.",
        none="each kind's own, mostly a quarter",
    )
    batteries: bool = setting(
        False,
        group="devices",
        label="batteries",
        edition=2,
        doc="Let devices rest when their battery is empty, until they are charged.",
        why="off is idealised, as in most papers",
    )
    battery_share: float = setting(
        0.01,
        group="devices",
        low=1e-6,
        high=1,
        label="battery for training",
        edition=2,
        knob=Knob(steps=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)),
        doc="Share of each battery that training may use between two charges, about a day.",
        why="nobody notices one hundredth",
    )
    fault: str = setting(
        "none",
        group="devices",
        choices=FAULTS,
        label="fault",
        edition=2,
        doc="What faulty devices do: learn random labels, or send noise, ten times the opposite "
        "of their update, or their first update for ever.",
    )
    faulty_share: float = setting(
        0.1,
        group="devices",
        low=0,
        high=0.5,
        label="faulty share",
        edition=2,
        knob=Knob(high=0.5, step=0.05, readout=".0%"),
        doc="Share of the devices that are faulty, where there is a fault.",
    )


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Set the model and the local training."""

    model: str = setting(
        "mcunet-s",
        group="training",
        choices=MODELS,
        label="model",
        affects=("start",),
        doc="The net that is trained.",
        why="deep and narrow: the choice of tensors matters",
    )
    batch: int = setting(
        8,
        group="training",
        low=1,
        high=4096,
        label="batch",
        affects=("search",),
        knob=Knob(steps=(1, 2, 4, 8, 16, 32)),
        doc="Samples per local step; the saved activations grow with it.",
        why="saved activations are most of the memory bill",
    )
    micro_batch: int | str | None = setting(
        None,
        group="training",
        low=1,
        high=4096,
        words={"auto": "the largest that fits, decided together with the subset"},
        label="micro-batch",
        affects=("search",),
        edition=2,
        knob=Knob(steps=(1, 2, 4, 8, "auto")),
        doc="Samples that a device passes at once; it adds their gradients up over the batch.",
        none="the whole batch at once",
    )
    recompute: bool = setting(
        False,
        group="training",
        label="recompute blocks",
        affects=("search",),
        edition=2,
        doc="Keep only the inputs of blocks and run each block again in the backward pass.",
        why="on, a device computes about a third more",
    )
    local_steps: int = setting(
        4,
        group="training",
        low=1,
        high=10_000,
        label="local steps",
        knob=Knob(steps=(1, 2, 4, 8, 16, 32, 64)),
        doc="Gradient steps of a client per participation.",
        why="nearly one pass over a client's data",
    )
    client_rate: float = setting(
        0.1,
        group="training",
        low=1e-6,
        high=100,
        label="client rate",
        affects=("start",),
        knob=Knob(low=-3, high=0, step=0.1, log=True, readout=".3f"),
        doc="Learning rate of the clients' SGD.",
    )
    client_momentum: float = setting(
        0.0,
        group="training",
        low=0,
        high=0.999,
        label="client momentum",
        affects=("search",),
        knob=Knob(high=0.95, step=0.05, readout=".2f"),
        doc="Momentum of the clients' SGD.",
        why="a velocity would cost memory on the device",
    )
    correction: str = setting(
        "none",
        group="training",
        choices=CORRECTIONS,
        label="client correction",
        affects=("search",),
        edition=2,
        doc="What a client adds to its gradient: nothing, FedProx's pull, SCAFFOLD's variates.",
    )
    proximal: float = setting(
        0.01,
        group="training",
        low=0,
        high=100,
        label="proximal strength μ",
        edition=2,
        knob=Knob(low=-4, high=1, step=0.25, log=True, readout=".4f", digits=5),
        doc="FedProx's μ: how strongly a client is pulled to the model it started from.",
    )
    warm_start_steps: int = setting(
        1000,
        group="training",
        low=0,
        high=100_000,
        label="warm start, steps",
        affects=("start",),
        knob=Knob(steps=(0, 50, 200, 1000)),
        doc="Training steps on the public share before the first model is sent out.",
        why="as a vendor would: frozen tensors stay as they are sent out",
    )
