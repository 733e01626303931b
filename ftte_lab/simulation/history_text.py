"""The text of a history: strict JSON, checked when it is read, whoever wrote it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

from ftte_lab._common import read_json, require, shown, spelled, write_json

_FORMAT = "ftte_lab history 1"
_ALLOWED = "what History.to_json writes"
# JSON has no such numbers; columns of points write nan as null, which every reader understands.
_WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def write_history(
    scenario: Mapping[str, Any], facts: Mapping[str, Any], points: Mapping[str, list[Any]]
) -> str:
    """Return a history as one line of strict JSON.

    Args:
        scenario: plain values.
        facts: plain values.
        points: numbers by column.
    """
    columns = {name: [_point(value) for value in column] for name, column in points.items()}
    return write_json(
        {"format": _FORMAT, "scenario": scenario, "facts": spelled(facts), "points": columns}
    )


def _point(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else spelled(value)


def _read_fact(value: Any) -> Any:
    """Return what `spelled` was given."""
    if isinstance(value, dict):
        return {key: _read_fact(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_read_fact(one) for one in value]
    return _WORDS.get(value, value) if isinstance(value, str) else value


def read_history(
    text: str | bytes,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, list[float]]]:
    """Read the text of a history: its scenario, its facts, and its columns of numbers.

    Args:
        text: what `write_history` returned, in this edition or an earlier one.

    Raises:
        ValueError: one sentence with what is wrong.
    """
    raw = read_json(text, "the text", _ALLOWED, not_finite=True)
    found = raw.get("format")
    newer = isinstance(found, str) and found.startswith(_FORMAT[:-1]) and found != _FORMAT
    require(not newer, f"the text is of the format {shown(found)}", _ALLOWED, "Update the kit")
    parts: list[Any] = [raw.get(key) for key in ("scenario", "facts", "points")]
    ok = found == _FORMAT and all(isinstance(part, dict) for part in parts)
    require(ok, "the text is not a history", f"one of format {_FORMAT!r}", "Save it again")
    scenario, facts, points = parts
    columns = {name: _column(name, values) for name, values in points.items()}
    _check_points(columns)
    _check_horizon(scenario)
    return scenario, _read_fact(facts), columns


def _column(name: str, values: Any) -> list[float]:
    """Return the numbers of a column."""
    numbers = [_number(value) for value in values] if isinstance(values, list) else [None]
    known = [number for number in numbers if number is not None]
    ok = len(known) == len(numbers)
    require(ok, f"the column {shown(name)} holds other things", "a list of numbers")
    return known


def _number(value: Any) -> int | float | None:
    """Return a number of a column, `None` for anything else."""
    if value is None:
        return math.nan
    if isinstance(value, str):
        return _WORDS.get(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, float) or abs(value) < 2**63 else None


def _check_points(columns: Mapping[str, list[float]]) -> None:
    """Require columns of one length, and times that do not go back."""
    lengths = {len(column) for column in columns.values()}
    times = columns.get("sim_seconds", [])
    ok = len(lengths) == 1 and len(times) > 0
    require(ok, "the history has no points", "columns of one length, sim_seconds among them")
    forward = all(before <= after for before, after in itertools.pairwise(times))
    ok = forward and all(map(math.isfinite, times))
    require(ok, "the times of the history are in disorder", "sim_seconds that rise")


def _check_horizon(scenario: Mapping[str, Any]) -> None:
    """Require that what the smoothing reads of a scenario can be used."""
    horizon_s, evaluations = scenario.get("horizon_s", 1.0), scenario.get("evaluations", 2)
    number = isinstance(horizon_s, int | float) and not isinstance(horizon_s, bool)
    ok = number and 0 < horizon_s < math.inf
    require(ok, f"horizon_s = {shown(horizon_s)} in the history", "a number above 0")
    count = isinstance(evaluations, int) and not isinstance(evaluations, bool) and evaluations >= 2
    ok = evaluations is None or count
    require(ok, f"evaluations = {shown(evaluations)} in the history", "an integer from 2, or None")
