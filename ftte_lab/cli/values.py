"""A scenario from the command line: a preset's name or a share code, and settings to change."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ftte_lab._common import require
from ftte_lab.experiments import PRESETS, Comparison, preset


def comparison_of(what: str, settings: Iterable[str]) -> Comparison:
    """Return the comparison of a preset or a share code, with some settings changed.

    Args:
        what: name of a preset, or a share code (which needs the extra `lab`).
        settings: texts such as `buffer=3`.

    Raises:
        ValueError: an unknown name, a damaged code, or a setting out of range.

    Example:
        >>> comparison_of("default", ["buffer=3", "data=digits"]).scenario.buffer
        3
    """
    changes = dict(setting_of(text) for text in settings)
    if what.startswith("ftte") and what not in PRESETS:
        from ftte_lab.lab import Settings  # needs widgets, and a preset does not

        chosen = Settings.restore(what).comparison
    else:
        chosen = preset(what)
    return chosen.set(**changes) if changes else chosen


def setting_of(text: str) -> tuple[str, Any]:
    r"""Return name and value of a text such as `buffer=3`.

    The value is read as JSON: a number, true, null, or an object. Anything else is a word.

    Raises:
        ValueError: a text without a name or without an equals sign.

    Example:
        >>> setting_of('mix={"phone": 1.0}'), setting_of("data=digits")
        (('mix', {'phone': 1.0}), ('data', 'digits'))
    """
    name, equals, value = text.partition("=")
    require(bool(name and equals), f"setting {text!r}", "name=value, such as buffer=3")
    try:
        return name.strip(), json.loads(value)
    except (ValueError, RecursionError):
        return name.strip(), value.strip()
