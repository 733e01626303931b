"""Ready-made scenarios, each with a server rate tuned for each method.

The rates come from `python -m ftte_lab PRESET --tune`, on seeds of their own (`TUNING_SEEDS`) that no table reports:
an untuned server rate makes any weighting look good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ftte_lab._require import one_of
from ftte_lab.scenario import Scenario

HEADLINE_METHODS = ("fedavg", "fedbuff", "ftte")
TUNING_SEEDS = (101, 102, 103)
RATE_GRID = (0.3, 0.5, 0.7, 1.0, 1.4, 2.0)


@dataclass(frozen=True)
class Preset:
    """A scenario, what it is good for, and the tuned server rate per method."""

    about: str
    scenario: Scenario
    server_rates: Mapping[str, float]

    def methods(self, seed: int | None = None) -> dict[str, Scenario]:
        """The headline methods on the same fleet, data, start and concurrency, each with its own server rate."""
        base = self.scenario if seed is None else self.scenario.replace(seed=seed)
        return {name: base.as_method(name).replace(server_rate=self.server_rates[name]) for name in HEADLINE_METHODS}


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "default": Preset(
            "100 devices, 90 % stragglers, generated wrist signals, one person per device",
            Scenario(),
            {"fedavg": 1.0, "fedbuff": 1.0, "ftte": 1.0},
        ),
    }
)


def preset(name: str) -> Preset:
    """Look a preset up.

    Raises:
        ValueError: an unknown name.
    """
    one_of("preset", name, PRESETS)
    return PRESETS[name]
