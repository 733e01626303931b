"""Declare a setting once: checks, help, knobs, documentation and cache keys follow from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ftte_lab._common import Registry, choice, integer, number, plain, require, shown, span

GROUPS: Mapping[str, str] = {
    "data": "Data",
    "devices": "Devices",
    "training": "Model and training",
    "subset": "Memory and subset",
    "server": "Server",
    "privacy": "Privacy",
    "run": "Run",
}
"""The groups of settings, with their headings, in the order in which they are shown."""


@dataclass(frozen=True)
class Knob:
    """How a widget offers a setting; the range of a knob may be narrower than the allowed one.

    Attributes:
        low, high, step: of a slider; with `log`, `step` counts in exponents of `base`.
        log: whether the slider is logarithmic.
        base: of a logarithmic slider.
        steps: the values of a slider that offers just these.
        readout: format of the number beside the slider.
        digits: decimals that are kept of a slider's value.
    """

    low: float = 0.0
    high: float = 1.0
    step: float = 1.0
    log: bool = False
    base: float = 10.0
    steps: tuple[Any, ...] = ()
    readout: str = ""
    digits: int = 4


@dataclass(frozen=True)
class Setting:
    """One setting of a scenario as it was declared.

    Attributes:
        name: the field's name, which is also the name of its knob and of its glossary entry.
        default: its default.
        kind: `int`, `float`, `str`, `bool` or `Mapping`.
        optional: whether `None` is allowed; `none` says what it means.
        group: one of `GROUPS`.
        label: a few words for a knob.
        doc: one sentence, for help, tooltip and documentation.
        why: the reason behind the default.
        low, high: the allowed range of a number, both included.
        choices: the allowed names, or numbers.
        words: words that are allowed beside numbers, each with its meaning.
        knob: how a widget offers it, or `None` for the default of its kind.
        affects: the prepared parts that depend on it directly ("start", "federation", "search").
        edition: in which edition it appeared; later ones stay out of a digest at their default.
    """

    name: str
    default: Any
    kind: str
    optional: bool
    group: str
    label: str
    doc: str
    why: str
    none: str
    low: float | None
    high: float | None
    choices: Collection[Any] | None
    words: Mapping[str, str]
    knob: Knob | None
    affects: tuple[str, ...]
    edition: int

    def plain(self, value: Any) -> Any:
        """Return a value as a scenario keeps it: plain, of the setting's kind, in one order.

        Equal values, such as 2, 2.0 and numpy's, then are one value in every digest and file. What
        cannot be one of the setting's values is returned as it is, and `check` refuses it.
        """
        if self.kind == "Mapping":
            return self._plain_mapping(value)
        one = plain(value)
        if self.kind == "float" and isinstance(one, int) and not isinstance(one, bool):
            return _as_float(one)
        if self.kind == "int" and isinstance(one, float) and one.is_integer():
            return int(one)
        if self.kind == "bool" and isinstance(one, int | float) and one in (0, 1):
            return bool(one)
        return one

    def _plain_mapping(self, value: Any) -> dict[str, Any]:
        try:
            given = {plain(name): plain(number) for name, number in dict(value).items()}
        except (TypeError, ValueError):
            given = {}
            require(False, f"{self.name} = {shown(value)}", self.allowed())
        numbers = {
            name: _as_float(one) if isinstance(one, int) and not isinstance(one, bool) else one
            for name, one in given.items()
        }
        if isinstance(self.choices, Registry):
            return self.choices.ordered(numbers)
        return numbers

    def check(self, value: Any) -> None:
        """Check one value.

        Raises:
            ValueError: a value out of range: what was wrong, what is allowed, how to fix it.
        """
        value = self.plain(value)
        fix = "; ".join(self._beside())
        if (value is None and self.optional) or (isinstance(value, str) and value in self.words):
            return
        if self.kind == "Mapping":
            return  # each name and the sum are checked where they are used
        if self.choices is not None:
            if self.kind == "int":
                integer(self.name, value, min(self.choices), max(self.choices), fix)
            choice(self.name, value, self.choices)
        elif self.kind == "bool":
            ok = isinstance(value, bool)
            require(ok, f"{self.name} = {shown(value)}", "True or False", fix)
        elif self.kind == "int":
            high = float("inf") if self.high is None else self.high
            integer(self.name, value, int(self.low or 0), high, fix)
        elif self.kind == "float":
            high = float("inf") if self.high is None else self.high
            number(self.name, value, self.low or 0.0, high, fix)

    def allowed(self) -> str:
        """Return the allowed values in words."""
        if self.kind == "Mapping":
            words = "shares that sum to 1, of " + ", ".join(self.choices or ())
        elif self.choices is not None:
            words = ", ".join(map(str, self.choices))
        elif self.kind == "bool":
            words = "True or False"
        else:
            noun = "an integer" if self.kind == "int" else "a number"
            high = float("inf") if self.high is None else self.high
            words = f"{noun} {span(self.low or 0, high)}"
        return ", or ".join([words, *self._beside()])

    def _beside(self) -> list[str]:
        """Return what is allowed beside numbers or names, each with its meaning."""
        none = [f"None: {self.none}"] if self.optional else []
        return none + [f"{word!r}: {meaning}" for word, meaning in self.words.items()]

    def key(self, value: Any) -> tuple[Any, ...]:
        """Return a hashable stand-in for a value; it changes when an own entry is set again."""
        plain = tuple(value.items()) if isinstance(value, Mapping) else value
        if isinstance(self.choices, Registry):
            versions = tuple(self.choices.version(name) for name in self.names(value))
            return self.name, plain, versions
        return self.name, plain

    def names(self, value: Any) -> tuple[str, ...]:
        """Return the names among `choices` that a value uses."""
        return tuple(value) if isinstance(value, Mapping) else (str(value),)

    def own_names(self, value: Any) -> list[str]:
        """Return the names that a value uses and that were registered in this process only."""
        own = self.choices.own if isinstance(self.choices, Registry) else ()
        return [name for name in self.names(value) if name in own]


def _as_float(value: int) -> float | int:
    """Return an integer as a float; as it is, if it is beyond the range of floats."""
    try:
        return float(value)
    except OverflowError:
        return value


def setting(
    default: Any = dataclasses.MISSING,
    *,
    group: str,
    doc: str,
    factory: Callable[[], Any] | None = None,
    label: str = "",
    why: str = "",
    none: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: Collection[Any] | None = None,
    words: Mapping[str, str] | None = None,
    knob: Knob | None = None,
    affects: tuple[str, ...] = (),
    edition: int = 1,
) -> Any:
    """Declare a field of a dataclass as a setting; see `Setting` for the arguments.

    Raises:
        ValueError: an unknown group.

    Example:
        >>> @dataclass(frozen=True)
        ... class Small:
        ...     buffer: int | None = setting(
        ...         10, group="server", low=1, doc="Updates per step.", none="as many as start"
        ...     )
        >>> settings_of_class(Small)["buffer"].allowed()
        'an integer from 1 upwards, or None: as many as start'
    """
    choice("group", group, GROUPS)
    details = {
        "group": group,
        "label": label,
        "doc": doc,
        "why": why,
        "none": none,
        "low": low,
        "high": high,
        "choices": choices,
        "words": words or {},
        "knob": knob,
        "affects": affects,
        "edition": edition,
    }
    if factory is not None:
        return dataclasses.field(default_factory=factory, metadata={"setting": details})
    return dataclasses.field(default=default, metadata={"setting": details})


def settings_of_class(declared: type) -> dict[str, Setting]:
    """Return the settings of a dataclass by name, in the order of declaration."""
    found: dict[str, Setting] = {}
    for f in dataclasses.fields(declared):
        details = dict(f.metadata["setting"])
        kind = str(f.type)
        optional = "None" in kind
        plain = kind.replace("| None", "").strip().partition("[")[0]
        if details["words"]:
            plain = plain.replace("| str", "").strip()
        default = f.default if f.default_factory is dataclasses.MISSING else f.default_factory()
        details["label"] = details["label"] or f.name.replace("_", " ")
        found[f.name] = Setting(f.name, default, plain, optional, **details)
    return found
