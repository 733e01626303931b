"""What differs between two settings, in the words of the knobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftte_lab.lab.settings import Settings
from ftte_lab.simulation import METHODS, SETTINGS, Scenario

SAME = "the same settings"
"""What is written where nothing differs."""


def difference(first: Settings, other: Settings) -> str:
    """Return what other settings have in another way than the first ones, in words.

    What counts is what runs: fields of the scenario, server rates and fields of one method alone,
    the methods and the number of seeds. How the curves are shown does not count.

    Example:
        >>> first = Settings()
        >>> difference(first, first), difference(first, first.set(jitter=0.5, data="digits"))
        ('the same settings', 'data set digits, jitter 0.5')
        >>> difference(first, first.replace(rates={**first.rates, "ftte": 1.0}))
        'server rate 1 for FTTE'
    """
    if first is other:
        return SAME
    shared = [m for m in other.methods if m in first.methods]
    pairs = {m: (first.comparison.run(m), other.comparison.run(m)) for m in shared}
    scenarios = (first.scenario, other.scenario)
    parts: list[str] = []
    for name in SETTINGS:
        if name != "method":
            parts += _field(name, scenarios, pairs)
    if first.methods != other.methods:
        parts.append("methods " + _listed([METHODS[name].label for name in other.methods]))
    if first.seeds != other.seeds:
        parts.append(f"{other.seeds} seeds" if other.seeds > 1 else "1 seed")
    if first.target != other.target:
        target = "automatic" if other.target is None else f"{100 * other.target:g} %"
        parts.append(f"target {target}")
    return ", ".join(parts) or SAME


def value_text(name: str, value: Any) -> str:
    """Return a value of a setting in words.

    Example:
        >>> value_text("straggler_share", 0.9), value_text("mix", {"sensor": 0.5, "phone": 0.5})
        ('90 %', '50 % sensor and 50 % phone')
        >>> value_text("recompute", True), value_text("clients", 100_000)
        ('on', '100,000')
    """
    one = SETTINGS[name]
    if isinstance(value, Mapping):
        kinds = [f"{100 * share:.0f} % {kind}" for kind, share in value.items() if share > 0]
        return _listed(kinds)
    if value is None:
        return f"none ({one.none})" if one.none else "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return value
    if one.knob is not None and one.knob.readout.endswith("%"):
        return f"{100 * value:g} %"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _field(
    name: str, scenarios: tuple[Scenario, Scenario], pairs: Mapping[str, tuple[Scenario, Scenario]]
) -> list[str]:
    """Return what differs in one field: of the scenario, and of methods that have their own."""
    label, _, unit = SETTINGS[name].label.partition(", ")
    unit = "" if name == "mix" else unit
    changed = {m: getattr(b, name) for m, (a, b) in pairs.items() if _differs(a, b, name)}
    before, now = (getattr(one, name) for one in scenarios)
    texts = []
    if before != now and (not changed or now in changed.values()):
        texts.append(f"{label} {_with_unit(name, now, unit)}")
        changed = {method: value for method, value in changed.items() if value != now}
    by_text: dict[str, list[str]] = {}
    for method, value in changed.items():
        by_text.setdefault(_with_unit(name, value, unit), []).append(METHODS[method].label)
    return texts + [f"{label} {text} for {_listed(names)}" for text, names in by_text.items()]


def _with_unit(name: str, value: Any, unit: str) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value_text(name, value)} {unit if number else ''}".rstrip()


def _differs(a: Any, b: Any, name: str) -> bool:
    return bool(getattr(a, name) != getattr(b, name))


def _listed(words: list[str]) -> str:
    """Return words as a list of a sentence."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "none"
