"""The methods as settings of one scenario: what each fixes, what it lacks, what it suggests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ftte_lab._common import Registry, require


@dataclass(frozen=True)
class Method:
    """One method of federated learning as settings of a `Scenario`.

    Attributes:
        name: how a scenario names it.
        label: how people write it.
        source: the paper it comes from.
        fixes: fields that make it this method. A different value that a user set is refused.
        without: fields that it does not have, at the values that switch them off. A knob of such a
            field acts on the other methods of a comparison only.
        suggests: defaults of its own, which a value that a user set overrides.
        correction: the client correction that it needs (see `server.CORRECTIONS`); "none" for most.

    Example:
        >>> from ftte_lab import Scenario
        >>> METHODS["hasty"] = Method("hasty", "Hasty", "a lesson", fixes={"buffer": 1})
        >>> Scenario().as_method("hasty").buffer
        1
        >>> del METHODS["hasty"]
    """

    name: str
    label: str
    source: str
    fixes: Mapping[str, Any] = field(default_factory=dict)
    without: Mapping[str, Any] = field(default_factory=dict)
    suggests: Mapping[str, Any] = field(default_factory=dict)
    correction: str = "none"

    def __post_init__(self) -> None:
        for part in ("fixes", "without", "suggests"):
            object.__setattr__(self, part, MappingProxyType(dict(getattr(self, part))))
        if self.correction != "none":
            fixed = {**self.fixes, "correction": self.correction}
            object.__setattr__(self, "fixes", MappingProxyType(fixed))

    @property
    def given(self) -> Mapping[str, Any]:
        """All fields that the method decides, unless a user set them."""
        return {**self.suggests, **self.without, **self.fixes}


def _check(name: str, method: Any) -> None:
    ok = isinstance(method, Method) and method.name == name
    require(ok, f"the method {name!r} is {method!r}", f"a Method whose name is {name!r}")


_SYNCHRONOUS: Mapping[str, Any] = {
    "fixes": {"refill": "step"},
    # It waits for its whole cohort, so every update is fresh; it knows no weight by variance.
    "without": {"buffer": None, "staleness": "constant", "variance_exponent": 0.0},
}
_BUFFERED: Mapping[str, Any] = {
    "fixes": {"refill": "arrival", "over_select": 0.0},
    "without": {"variance_exponent": 0.0},
    "suggests": {"subset": "full", "normalise": "count"},
}
METHODS: Registry[Method] = Registry(
    "method",
    {
        "fedavg": Method(
            "fedavg",
            "FedAvg",
            "McMahan et al. 2017, Algorithm 1",
            **_SYNCHRONOUS,
            suggests={"subset": "full", "sample_exponent": 1.0},
        ),
        "fedprox": Method(
            "fedprox",
            "FedProx",
            "Li et al. 2020, Algorithm 2",
            **_SYNCHRONOUS,
            suggests={"subset": "full", "sample_exponent": 1.0},
            correction="proximal",
        ),
        "scaffold": Method(
            "scaffold",
            "SCAFFOLD",
            "Karimireddy et al. 2020, Algorithm 1, option II",
            **_SYNCHRONOUS,
            suggests={"subset": "full"},
            correction="control_variates",
        ),
        "fedasync": Method(
            "fedasync",
            "FedAsync",
            "Xie et al. 2019, with the client's update in place of its model",
            fixes=_BUFFERED["fixes"],
            without={**_BUFFERED["without"], "buffer": 1},
            suggests=_BUFFERED["suggests"],
        ),
        "fedbuff": Method("fedbuff", "FedBuff", "Nguyen et al. 2022, Algorithm 1", **_BUFFERED),
        "fedbuff_average": Method(
            "fedbuff_average",
            "FedBuff + average",
            "Nguyen et al. 2022, with FTTE's running average of the server's models",
            fixes=_BUFFERED["fixes"],
            without=_BUFFERED["without"],
            suggests={**_BUFFERED["suggests"], "server_average": 0.95},
        ),
        "ftte": Method(
            "ftte",
            "FTTE",
            "arXiv 2510.03165; formulas are our reconstruction",
            fixes=_BUFFERED["fixes"],
        ),
    },
    _check,
)
"""The methods by name. Add yours: `METHODS["mine"] = Method("mine", "Mine", "source", ...)`."""


def derive(values: Mapping[str, Any], defaults: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the fields that turn a scenario into one of a method.

    What a user set is kept, or refused in words; it is never replaced silently. A field counts as
    set if it differs from its default and from what the scenario's present method gives it.

    Args:
        values: all fields of the scenario.
        defaults: their defaults.
        name: one of `METHODS`.

    Raises:
        ValueError: a field that the user set to something else than the method fixes.
    """
    present, target = METHODS[values["method"]], METHODS[name]
    changed: dict[str, Any] = {"method": name}
    for key in dict.fromkeys((*present.given, *target.given)):
        value = values[key]
        if key in present.given and value == present.given[key]:
            value = defaults[key]
        if key in target.fixes:
            _refuse_contradiction(target, key, value, defaults[key])
            value = target.fixes[key]
        elif key in target.without:
            value = target.without[key]
        elif key in target.suggests and value == defaults[key]:
            value = target.suggests[key]
        changed[key] = value
    return changed


def _refuse_contradiction(method: Method, key: str, value: Any, default: Any) -> None:
    fixed = method.fixes[key]
    others = [m.name for m in METHODS.values() if m.fixes.get(key, value) == value]
    fix = f"Leave {key} alone, or choose another method ({', '.join(others)})"
    ok = value in (default, fixed)
    require(ok, f"{key} = {value!r} contradicts {method.label}", f"{fixed!r}", fix)
