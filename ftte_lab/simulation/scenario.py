"""Describe one run: who takes part, with which data and model, under which server.

Everything a run depends on is a field, so a scenario is also its address: saved, shared or hashed,
it gives the same numbers again. Each field is declared once, with `setting`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from ftte_lab._common import choice, read_json, write_json
from ftte_lab.simulation.fleet_settings import DataSettings, DeviceSettings, TrainingSettings
from ftte_lab.simulation.methods import METHODS, derive
from ftte_lab.simulation.privacy_checks import check_privacy
from ftte_lab.simulation.privacy_settings import PrivacySettings
from ftte_lab.simulation.scenario_help import Help, all_help, cards, field_help, markdown
from ftte_lab.simulation.server_settings import RunSettings, ServerSettings
from ftte_lab.simulation.setting import Setting, settings_of_class
from ftte_lab.simulation.subset_settings import SubsetSettings
from ftte_lab.simulation.validation import check_combinations


@dataclass(frozen=True, kw_only=True)
class Scenario(
    RunSettings,
    PrivacySettings,
    ServerSettings,
    SubsetSettings,
    TrainingSettings,
    DeviceSettings,
    DataSettings,
):
    """Describe a run; units are in the names, and `Scenario.help("buffer")` explains a field.

    Raises:
        ValueError: a field out of range: what was wrong, what is allowed, how to fix it.

    Example:
        >>> s = Scenario(clients=50, buffer=5)
        >>> s.replace(buffer=3).buffer
        3
        >>> Scenario.from_json(s.to_json()) == s
        True
    """

    def __post_init__(self) -> None:
        for name, one in SETTINGS.items():
            value = one.plain(getattr(self, name))
            one.check(value)
            fixed = MappingProxyType(value) if isinstance(value, dict) else value
            object.__setattr__(self, name, fixed)
        check_combinations(self)
        check_privacy(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and send a scenario by its plain values."""
        return type(self).from_dict, (self.to_dict(),)

    def replace(self, **changes: Any) -> Scenario:
        """Return a copy with some fields changed.

        Raises:
            ValueError: an unknown field or a value out of range.
        """
        _check_names(changes)
        return dataclasses.replace(self, **changes)

    def as_method(self, name: str) -> Scenario:
        """Return the same fleet, data and model under another method.

        What you set is kept, or refused in words (see `Method`). Derive each method from the
        scenario that they share, not from one another.

        Raises:
            ValueError: an unknown method, or a field that contradicts it.
        """
        choice("method", name, METHODS)
        return self.replace(**derive(self.to_dict(), DEFAULTS, name))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-able values of all fields."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return values | {"mix": dict(self.mix)}

    def changes(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults."""
        return {name: v for name, v in self.to_dict().items() if v != DEFAULTS[name]}

    def to_json(self) -> str:
        """Return one line of JSON with every field."""
        return write_json(self.to_dict())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scenario:
        """Read what `to_dict` wrote; missing fields take their defaults.

        Raises:
            ValueError: an unknown field or a value out of range.
        """
        _check_names(values)
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> Scenario:
        """Read what `to_json` wrote.

        Raises:
            ValueError: text that is not a JSON object, an unknown field, or a value out of range.
        """
        values = read_json(text, "the scenario", "the text that Scenario.to_json writes")
        return cls.from_dict(values)

    def digest(self) -> str:
        """Return a short name for exactly this run: equal scenarios have equal digests.

        Settings of later editions count only where they differ from their default, so that the
        digests of earlier editions stay.
        """
        counted = {
            name: value
            for name, value in self.to_dict().items()
            if SETTINGS[name].edition == 1 or value != DEFAULTS[name]
        }
        return hashlib.sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()[:16]

    def __hash__(self) -> int:
        return hash(self.digest())

    def key(self, *parts: str) -> tuple[Any, ...]:
        """Return a hashable key of all fields that affect some prepared parts, for caches.

        Args:
            parts: any of "start", "federation", "gains", "search" (see `Setting.affects`).
        """
        return tuple(
            one.key(getattr(self, name))
            for name, one in SETTINGS.items()
            if set(parts) & set(one.affects)
        )

    def own_names(self) -> list[str]:
        """Return the fields whose value was registered in this process only."""
        return [
            f"{name} {own!r}"
            for name, one in SETTINGS.items()
            for own in one.own_names(getattr(self, name))
        ]

    @staticmethod
    def help(name: str | None = None) -> Help:
        """Explain one field, or list all of them in their groups.

        Raises:
            ValueError: an unknown field.

        Example:
            >>> Scenario.help("buffer")
            buffer (buffer capacity K), default 10
              Updates per server step.
              Allowed: an integer from 1 to 1,000,000, or None: as many as the concurrency
        """
        if name is None:
            return all_help(SETTINGS.values())
        choice("scenario field", name, SETTINGS)
        return field_help(SETTINGS[name])

    def _repr_html_(self) -> str:
        """Show what differs from the defaults, one card per group."""
        return cards(SETTINGS, self.changes())


SETTINGS: Mapping[str, Setting] = MappingProxyType(settings_of_class(Scenario))
"""All settings of a scenario by name, as they were declared."""
DEFAULTS: Mapping[str, Any] = MappingProxyType({n: one.default for n, one in SETTINGS.items()})
"""The default of each setting."""
FIRST_EDITION: Mapping[str, Any] = MappingProxyType({"variance_exponent": 1.0})
"""Defaults of the first edition that have changed since: its codes and files leave them out."""


def _check_names(values: Iterable[str]) -> None:
    for key in values:
        choice("scenario field", key, SETTINGS)


def settings_page() -> str:
    """Return the page docs/scenario.md, made from the declarations of all settings."""
    return markdown(SETTINGS.values())
