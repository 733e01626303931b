"""Write rows as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as a Markdown table; a column appears where any row has it.

    Example:
        >>> print(table([{"run_s": 0.1234, "updates": 2000}]))
        | run s | updates |
        | --- | --- |
        | 0.123 | 2,000 |
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [
        "| " + " | ".join(c.replace("_", " ") for c in columns) + " |",
        "| --- " * len(columns) + "|",
    ]
    lines += ["| " + " | ".join(_cell(row.get(c, "")) for c in columns) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if not isinstance(value, float):
        return f"{value:,}" if type(value) is int else str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
