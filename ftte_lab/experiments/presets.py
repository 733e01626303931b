"""Ready-made comparisons, each with a server rate tuned for each method.

The rates come from `python -m ftte_lab PRESET --tune`, on seeds of their own (`TUNING_SEEDS`) that
no table reports: an untuned server rate makes any weighting look good.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ftte_lab._common import choice
from ftte_lab.experiments.comparison import Comparison
from ftte_lab.simulation import Scenario

# Long enough for FedAvg to reach its plateau, because the target is 95 % of FedAvg's best.
_LONG: Mapping[str, Any] = {"horizon_s": 14_000.0, "evaluations": 120}
# Largest share of the parameters: the authors' payload figure as a setting, to see what it costs.
_CAP = 0.31
_RATES: Mapping[str, float] = {"fedavg": 1.5, "fedbuff": 1.5, "ftte": 1.5}

TIERED: Mapping[str, Any] = MappingProxyType(
    {
        # With names and shapes a message is then at most 31 % of a complete one.
        "payload_share": 0.25,
        "subset_per": "kind",
        # An exponent of 1 costs two points where clients differ: their updates are the large ones.
        "variance_exponent": 0.25,
        "server_average": 0.95,
    }
)
"""FTTE as the headline study measures it: strong devices train what the weakest cannot, and the
server's models are averaged."""

PRESETS: Mapping[str, Comparison] = MappingProxyType(
    {
        "default": Comparison(
            Scenario(payload_share=_CAP, **_LONG),
            rates=_RATES,
            about="100 devices, 90 % stragglers, generated wrist signals, one person per device",
        ),
        "lab": Comparison(
            Scenario(horizon_s=2400.0),
            rates={"fedavg": 1.0, "fedbuff": 1.0, "fedasync": 0.2, "ftte": 1.5},
            about="the same fleet for the Lab: 40 virtual minutes, and the memory budget alone "
            "decides what is trained",
        ),
        "strict": Comparison(
            Scenario(payload_share=_CAP, **_LONG, exclude_small=True),
            rates=_RATES,
            about="the same, but a device that cannot hold a method's training step is left out "
            "of that method",
        ),
        "digits": Comparison(
            Scenario(
                data="digits",
                clients=60,
                alpha=0.3,
                concurrency=20,
                buffer=5,
                warm_start_steps=100,
                payload_share=_CAP,
                horizon_s=4000.0,
                evaluations=120,
            ),
            rates={"fedavg": 1.0, "fedbuff": 1.5, "ftte": 2.0},
            about="handwritten digits, label skew of Dirichlet 0.3 over 60 devices",
        ),
        "tiers": Comparison(
            Scenario(alpha=0.5, warm_start_steps=300, horizon_s=14_000.0, evaluations=561),
            rates=_RATES,
            own={"ftte": {**TIERED, "budget_kib": 247.6}},
            about="a cell of the headline study: label skew of Dirichlet 0.5; FTTE with a subset "
            "per kind, and averaged",
        ),
        "small": Comparison(
            Scenario(
                clients=30,
                samples_per_client=20,
                concurrency=10,
                buffer=4,
                warm_start_steps=200,
                payload_share=_CAP,
                horizon_s=3000.0,
                evaluations=40,
            ),
            rates={"fedavg": 1.0, "fedbuff": 2.0, "ftte": 1.0},
            about="a glimpse in seconds: 30 devices, and a horizon too short for conclusions",
        ),
    }
)


def preset(name: str) -> Comparison:
    """Return a preset by name.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> preset("small").run("ftte").clients
        30
    """
    choice("preset", name, PRESETS)
    return PRESETS[name]
