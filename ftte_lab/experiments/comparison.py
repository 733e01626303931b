"""Compare methods on one scenario.

Presets, lessons, the Lab and the study all derive their runs from a `Comparison`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ftte_lab._common import choice, number, plain, require
from ftte_lab.simulation import METHODS, SETTINGS, Scenario

HEADLINE_METHODS = ("fedavg", "fedbuff", "ftte")


@dataclass(frozen=True)
class Comparison:
    """A scenario, the methods that run on it, and what each of them has of its own.

    What a user set in the scenario is kept in each method, or refused in words (see `Method`).

    Attributes:
        scenario: fleet, data, model and server that the methods share.
        methods: which methods run side by side.
        rates: tuned server rate by method; without one a method takes the scenario's. They do not
            count where the scenario itself sets a server rate.
        own: fields of one method alone, by method.
        about: one sentence about the fleet.

    Raises:
        ValueError: an unknown method or field, or a value out of range.

    Example:
        >>> few = Comparison(Scenario(buffer=5), rates={"ftte": 1.5})
        >>> few.run("ftte").buffer, few.run("ftte").server_rate, few.run("fedavg").buffer
        (5, 1.5, None)
        >>> list(few.runs(seed=3))
        ['fedavg', 'fedbuff', 'ftte']
    """

    scenario: Scenario
    methods: tuple[str, ...] = HEADLINE_METHODS
    rates: Mapping[str, float] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    about: str = ""

    def __post_init__(self) -> None:
        methods = [plain(name) for name in self.methods]
        require(bool(methods), "no method is chosen", f"at least one of {', '.join(METHODS)}")
        for name in (*methods, *self.rates, *self.own):
            choice("method", name, METHODS)
        rates = {
            str(plain(name)): float(number(f"server rate of {name}", rate, 1e-6, 100))
            for name, rate in self.rates.items()
        }
        own = {str(plain(name)): _plain(kept) for name, kept in self.own.items() if kept}
        object.__setattr__(self, "methods", tuple(METHODS.ordered(dict.fromkeys(methods))))
        object.__setattr__(self, "rates", MappingProxyType(METHODS.ordered(rates)))
        object.__setattr__(self, "own", MappingProxyType(METHODS.ordered(own)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and send a comparison by its plain values."""
        own = {name: dict(kept) for name, kept in self.own.items()}
        return type(self), (self.scenario, self.methods, dict(self.rates), own, self.about)

    def __hash__(self) -> int:
        own = tuple((name, tuple(sorted(kept))) for name, kept in self.own.items())
        return hash((self.scenario, self.methods, tuple(self.rates.items()), own, self.about))

    def run(self, method: str, seed: int | None = None) -> Scenario:
        """Return the run of one method, which need not be among `methods`.

        Args:
            method: one of `METHODS`.
            seed: the seed, or `None` for the scenario's.

        Raises:
            ValueError: an unknown method, or a field that contradicts it.
        """
        choice("method", method, METHODS)
        base = self.scenario if seed is None else self.scenario.replace(seed=seed)
        run = base.as_method(method)
        rate = self.rates.get(method)
        if rate is not None and "server_rate" not in self.scenario.changes():
            run = run.replace(server_rate=rate)
        own = self.own.get(method, {})
        for key, value in own.items():
            fixed = METHODS[method].fixes.get(key, value)
            label = METHODS[method].label
            require(value == fixed, f"{key} = {value!r} contradicts {label}", f"{fixed!r}")
        return run.replace(**own)

    def runs(self, seed: int | None = None) -> dict[str, Scenario]:
        """Return the runs of all methods on the same fleet, data and start, by method.

        Raises:
            ValueError: a field that contradicts one of the methods.
        """
        return {method: self.run(method, seed) for method in self.methods}

    def replace(self, **changes: Any) -> Comparison:
        """Return a copy with some attributes changed."""
        return dataclasses.replace(self, **changes)

    def set(self, **fields: Any) -> Comparison:
        """Return a copy with some fields of the shared scenario changed.

        What is set here holds for every method: a method's own value of the field is dropped, and
        with a server rate the tuned rates are.

        Raises:
            ValueError: an unknown field or a value out of range.

        Example:
            >>> averaged = Comparison(Scenario(), own={"ftte": {"server_average": 0.95}})
            >>> averaged.set(server_average=0.9).run("ftte").server_average
            0.9
        """
        rates = {} if "server_rate" in fields else self.rates
        own = {
            method: {key: value for key, value in kept.items() if key not in fields}
            for method, kept in self.own.items()
        }
        return self.replace(scenario=self.scenario.replace(**fields), rates=rates, own=own)


def _plain(own: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of one method as a scenario keeps them, in the order of the settings."""
    for key in own:
        choice("scenario field", key, SETTINGS)
    return MappingProxyType({k: one.plain(own[k]) for k, one in SETTINGS.items() if k in own})
