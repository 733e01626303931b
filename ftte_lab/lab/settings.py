"""What a Lab is set to: a scenario, the methods to compare on it, how many seeds, and what the curves show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ftte_lab._common import choice, integer, require
from ftte_lab.experiments import PRESETS, Preset, preset
from ftte_lab.lab import share_code as share
from ftte_lab.simulation import AXES, METHODS, Scenario

MOST_SEEDS = 10
_KEYS = ("scenario", "methods", "rates", "seeds", "over", "metric", "watch")


@dataclass(frozen=True)
class Settings:
    """Everything a Lab shows follows from this, so a code of it restores the Lab.

    Attributes:
        scenario: fleet, data, model and server. Its budget is FTTE's, its buffer FTTE's and FedBuff's, its age exponent
            that of every buffered method, its variance exponent FTTE's; the rest of a method is as in `METHODS`.
        methods: which ones run, side by side.
        rates: server rate per method; 1 where none is given.
        seeds: how many runs of each method, with the scenario's seed and the ones after it.
        over: horizontal axis of the curves, one of `AXES`.
        metric: what they show, a column of `History.points`.
        watch: whose schedule the Gantt chart and the weights show.
    """

    scenario: Scenario = field(default_factory=lambda: PRESETS["lab"].scenario)
    methods: tuple[str, ...] = ("fedavg", "fedbuff", "ftte")
    rates: Mapping[str, float] = field(default_factory=lambda: dict(PRESETS["lab"].server_rates))
    seeds: int = 1
    over: str = "sim_seconds"
    metric: str = "accuracy"
    watch: str = "ftte"

    def __post_init__(self) -> None:
        require(bool(self.methods), "no method is chosen", f"at least one of {', '.join(METHODS)}")
        for name in (*self.methods, *self.rates, self.watch):
            choice("method", name, METHODS)
        ordered = tuple(name for name in METHODS if name in self.methods)
        object.__setattr__(self, "methods", ordered)
        if self.watch not in ordered:
            object.__setattr__(self, "watch", ordered[-1])
        integer("seeds", self.seeds, 1, MOST_SEEDS)
        last = self.scenario.seed + self.seeds - 1
        require(
            last < 2**32,
            f"the last seed is {last}",
            f"up to {2**32 - 1}",
            "Begin with a smaller one",
        )
        choice("over", self.over, AXES)
        require(
            isinstance(self.metric, str), f"metric = {self.metric!r}", "a column of History.points"
        )

    def replace(self, **changes: Any) -> Settings:
        """A copy with some of its own fields changed."""
        return replace(self, **changes)

    def runs(self, k: int = 0) -> dict[str, Scenario]:
        """The scenarios of the k-th seed, by method.

        Raises:
            ValueError: settings that make no sense for one of the methods.
        """
        return {name: self._run(name, k) for name in self.methods}

    def _run(self, name: str, k: int) -> Scenario:
        base, changes = (
            self.scenario,
            {"seed": self.scenario.seed + k, "server_rate": self.rates.get(name, 1.0)},
        )
        if name != "fedavg":
            changes["age_exponent"] = base.age_exponent
        if name == "ftte":
            changes["variance_exponent"] = base.variance_exponent
        return base.as_method(name).replace(**changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-able values; of the scenario only what differs from the defaults."""
        values = {key: getattr(self, key) for key in _KEYS}
        return values | {
            "scenario": share.changes(self.scenario),
            "methods": list(self.methods),
            "rates": dict(self.rates),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """Inverse of `to_dict`.

        Raises:
            ValueError: unknown keys, or values out of range.
        """
        for key in values:
            choice("setting", key, _KEYS)
        given = dict(values)
        require(
            isinstance(given.get("scenario", {}), dict),
            "the scenario is no JSON object",
            "one with its fields",
        )
        methods, rates = given.get("methods", cls().methods), given.get("rates", {})
        ok = isinstance(methods, list | tuple) and all(isinstance(m, str) for m in methods)
        require(ok, f"methods = {methods!r}", "a list of names")
        numbers = isinstance(rates, dict) and all(
            isinstance(r, int | float) for r in rates.values()
        )
        require(numbers, f"rates = {rates!r}", "a number per method")
        scenario = Scenario.from_dict(given.get("scenario", {}))
        return cls(**{**given, "scenario": scenario, "methods": tuple(methods), "rates": rates})

    def code(self) -> str:
        """These settings as one short line."""
        return share.encode(self.to_dict())

    def to_json(self) -> str:
        """These settings as a file."""
        return json.dumps({"format": "ftte_lab settings 1", **self.to_dict()}, indent=2)

    @classmethod
    def restore(cls, text: str) -> Settings:
        """Read a code or the text of a settings file.

        Raises:
            ValueError: text that is neither, or is damaged.
        """
        if text.lstrip().startswith("{"):
            try:
                values = json.loads(text)
            except json.JSONDecodeError as error:
                raise ValueError(
                    f"the file is no JSON ({error}); allowed: a file that the Share drawer wrote."
                ) from error
            known = values.pop("format", None) == "ftte_lab settings 1"
            require(
                known, "the file holds no settings of a Lab", "a file that the Share drawer wrote"
            )
            return cls.from_dict(values)
        return cls.from_dict(share.decode(text))


def settings_of(
    what: Scenario | Preset | Settings | str, methods: Sequence[str] | None = None
) -> Settings:
    """Settings from whatever a notebook passes: a scenario, a preset or its name, a code, or settings.

    Raises:
        ValueError: an unknown preset, a damaged code, or an unknown method.
    """
    if isinstance(what, str):
        coded = what.strip().startswith((share.PREFIX, "{"))
        what = Settings.restore(what) if coded else preset(what)
    if isinstance(what, Preset):
        what = Settings(what.scenario, rates=dict(what.server_rates))
    elif isinstance(what, Scenario):
        what = Settings(what)
    ok = isinstance(what, Settings)
    require(
        ok, f"a Lab of {type(what).__name__}", "a Scenario, a preset's name, a code or Settings"
    )
    return what if methods is None else what.replace(methods=tuple(methods))
