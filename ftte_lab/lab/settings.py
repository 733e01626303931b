"""Hold what a Lab is set to: the comparison, how many seeds, and what the curves show."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ftte_lab._common import choice, integer, number, plain, read_json, require, shown, write_json
from ftte_lab.experiments import GALLERY, PRESETS, Comparison
from ftte_lab.lab import share_code
from ftte_lab.simulation import AXES, FIRST_EDITION, Scenario

LARGEST_SEED_COUNT = 10
_COMPARISON = ("scenario", "methods", "rates", "own")
_VIEW = ("seeds", "over", "metric", "watch")
_OPTIONAL = ("target",)
_FORMAT = "ftte_lab settings 2"
_FIRST_FORMAT = "ftte_lab settings 1"


@dataclass(frozen=True)
class Settings:
    """Everything that a Lab shows follows from these, so a code of them restores the Lab.

    Attributes:
        comparison: the scenario, the methods, their server rates and their own fields.
        seeds: how many runs of each method, with the scenario's seed and the ones after it.
        over: horizontal axis of the curves, one of `AXES`.
        metric: what the curves show, a column of `History.points`.
        watch: whose schedule the Gantt chart and the weights show.
        target: test accuracy to which the methods are timed, 0 to 1; `None`: 95 % of FedAvg's best.

    Raises:
        ValueError: an unknown method or axis, or a number of seeds out of range.
    """

    comparison: Comparison = field(default_factory=lambda: PRESETS["lab"])
    seeds: int = 1
    over: str = "sim_seconds"
    metric: str = "accuracy"
    watch: str = "ftte"
    target: float | None = None

    def __post_init__(self) -> None:
        for name in (*_VIEW, *_OPTIONAL):
            object.__setattr__(self, name, plain(getattr(self, name)))
        if self.watch not in self.methods:
            object.__setattr__(self, "watch", self.methods[-1])
        integer("seeds", self.seeds, 1, LARGEST_SEED_COUNT)
        last = self.scenario.seed + self.seeds - 1
        require(last < 2**32, f"the last seed is {last}", f"up to {2**32 - 1}", "Lower the seed")
        choice("over", self.over, AXES)
        if self.target is not None:
            number("target", self.target, 0, 1, fix="An accuracy is a share, not a percentage")
            object.__setattr__(self, "target", float(self.target))
        ok = isinstance(self.metric, str)
        require(ok, f"metric = {shown(self.metric)}", "a column of History.points")

    @property
    def scenario(self) -> Scenario:
        """Return the scenario that the methods share."""
        return self.comparison.scenario

    @property
    def methods(self) -> tuple[str, ...]:
        """Return the methods that run."""
        return self.comparison.methods

    @property
    def rates(self) -> Mapping[str, float]:
        """Return the tuned server rates by method."""
        return self.comparison.rates

    def replace(self, **changes: Any) -> Settings:
        """Return a copy with some attributes changed, those of the comparison among them."""
        inner = {key: changes.pop(key) for key in _COMPARISON if key in changes}
        comparison = changes.pop("comparison", self.comparison)
        if inner:
            comparison = comparison.replace(**inner)
        return dataclasses.replace(self, comparison=comparison, **changes)

    def set(self, **fields: Any) -> Settings:
        """Return a copy with some fields of the scenario changed (see `Comparison.set`).

        Raises:
            ValueError: an unknown field or a value out of range.
        """
        return self.replace(comparison=self.comparison.set(**fields))

    def runs(self, k: int = 0) -> dict[str, Scenario]:
        """Return the scenarios of the k-th seed, by method.

        Raises:
            ValueError: a field that contradicts one of the methods.
        """
        return self.comparison.runs(self.scenario.seed + k)

    def same_runs(self, other: Settings) -> bool:
        """Return whether other settings ask for the same runs, however they are shown."""
        return (self.comparison, self.seeds) == (other.comparison, other.seeds)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-able values; of the scenario only what differs from the defaults."""
        values: dict[str, Any] = {
            "scenario": self.scenario.changes(),
            "methods": list(self.methods),
            "rates": dict(self.rates),
        }
        if self.comparison.own:
            values["own"] = {name: dict(own) for name, own in self.comparison.own.items()}
        values |= {key: getattr(self, key) for key in _VIEW}
        if self.target is not None:
            values["target"] = self.target
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Settings:
        """Read what `to_dict` wrote.

        Raises:
            ValueError: unknown keys, or values out of range.
        """
        for key in values:
            choice("setting", key, (*_COMPARISON, *_VIEW, *_OPTIONAL))
        changed = values.get("scenario", {})
        require(isinstance(changed, dict), "the scenario is not an object", "one with its fields")
        methods = values.get("methods", cls().methods)
        ok = isinstance(methods, list | tuple) and all(isinstance(m, str) for m in methods)
        require(ok, f"methods = {shown(methods)}", "a list of names")
        rates = values.get("rates", {})
        numbers = isinstance(rates, dict) and all(
            isinstance(rate, int | float) for rate in rates.values()
        )
        require(numbers, f"rates = {shown(rates)}", "a number per method")
        own = values.get("own", {})
        nested = isinstance(own, dict) and all(isinstance(fields, dict) for fields in own.values())
        require(nested, f"own = {shown(own)}", "fields per method")
        comparison = Comparison(Scenario.from_dict(changed), tuple(methods), rates, own)
        return cls(
            comparison, **{key: values[key] for key in (*_VIEW, *_OPTIONAL) if key in values}
        )

    def code(self) -> str:
        """Return these settings as one short line."""
        return share_code.encode(self.to_dict())

    def to_json(self) -> str:
        """Return these settings as the text of a file."""
        return write_json({"format": _FORMAT, **self.to_dict()}, indent=2)

    @classmethod
    def restore(cls, text: str) -> Settings:
        """Read a code or the text of a settings file.

        Raises:
            ValueError: text that is neither, or is damaged.
        """
        allowed = "a code, or a file that the Share drawer wrote"
        require(isinstance(text, str), f"settings of {type(text).__name__}", allowed)
        if not _is_object(text):
            values = share_code.decode(text)
            return cls.from_dict(_first(values) if share_code.is_first(text) else values)
        values = read_json(text, "the file", allowed)
        written = values.pop("format", None)
        known = written in (_FORMAT, _FIRST_FORMAT)
        require(known, "the file holds no settings of a Lab", "a file that the Share drawer wrote")
        return cls.from_dict(_first(values) if written == _FIRST_FORMAT else values)


def _first(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the first edition wrote, with its defaults where they have changed since."""
    scenario = values.get("scenario", {})
    if not isinstance(scenario, dict):
        return values
    return {**values, "scenario": {**FIRST_EDITION, **scenario}}


def _is_object(text: str) -> bool:
    """Report whether a text begins like the settings file; some editors put a mark before it."""
    return text.lstrip("\ufeff \t\r\n").startswith("{")


def settings_of(
    what: Scenario | Comparison | Settings | str, methods: Sequence[str] | None = None
) -> Settings:
    """Return settings from whatever a notebook passes.

    Args:
        what: a scenario (which runs at its own server rate), a comparison such as a preset or a
            lesson, the name of a preset or of a fleet of the gallery, a share code, the text of a
            settings file, or settings.
        methods: which methods run, instead of those of `what`.

    Raises:
        ValueError: an unknown name, a damaged code, or an unknown method.
    """
    if isinstance(what, str):
        coded = share_code.is_code(what) or _is_object(what)
        what = Settings.restore(what) if coded else _named(what)
    if isinstance(what, Scenario):
        what = Comparison(what)
    if isinstance(what, Comparison):
        what = Settings(what)
    ok = isinstance(what, Settings)
    allowed = "a Scenario, a Comparison, a preset's name, a code or Settings"
    require(ok, f"a Lab of {type(what).__name__}", allowed)
    return what if methods is None else what.replace(methods=tuple(methods))


def _named(name: str) -> Comparison | Settings:
    """Return a preset, or a fleet of the gallery with what its question looks at."""
    choice("preset or fleet", name, (*PRESETS, *GALLERY))
    if name in PRESETS:
        return PRESETS[name]
    return Settings(GALLERY[name].comparison).replace(**GALLERY[name].view)
