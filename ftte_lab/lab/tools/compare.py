"""The table of runs that were kept to compare: a row per method, and its forms for a paper."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ftte_lab._common import choice, require
from ftte_lab.experiments import Score, Scoreboard
from ftte_lab.lab.board import Board
from ftte_lab.lab.difference import difference
from ftte_lab.lab.score_message import board_scores
from ftte_lab.lab.settings import Settings
from ftte_lab.simulation import METHODS

Kept = tuple[str, Settings, Scoreboard]
"""A run that was kept: its letter, what it was set to, what each method reached."""


@dataclass(frozen=True)
class _Figure:
    """One column of numbers: heading with unit, how it follows from a score, decimals in print."""

    title: str
    of: Callable[[Score], float | None]
    digits: int


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


_FIGURES = (
    _Figure("time to target (min)", lambda s: _scaled(s.time_s, 1 / 60), 1),
    _Figure("memory, weakest device (KiB)", lambda s: s.memory_bytes / 1024, 0),
    _Figure("sent per update (KiB)", lambda s: s.upload_bytes / 1024, 1),
    _Figure("accuracy (%)", lambda s: _scaled(s.accuracy, 100), 1),
    _Figure("energy to target (J)", lambda s: s.energy_j, 0),
    _Figure("bytes to target (MiB)", lambda s: _scaled(s.total_bytes, 2**-20), 1),
    _Figure("devices too small", lambda s: float(s.too_small), 0),
)
_TEXTS = ("run", "what differs", "method", "share code")
_DIGITS = {"target (%)": 1, **{figure.title: figure.digits for figure in _FIGURES}}
FORMS = ("csv", "markdown", "latex")
"""The forms of `export`."""


def table(rows: Sequence[Kept], names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return the kept runs as a table: a row per run and method, numbers with units in headings.

    Args:
        rows: letter, settings and scoreboard of each kept run, at least one.
        names: by letter, a name of the run; without one it is called by its letter.

    Returns:
        The table. The first run is what the others are compared with, so its column "what differs"
        counts its methods only. A figure that was not reached is missing (`NaN`).

    Raises:
        ValueError: no kept run.

    Example:
        >>> from ftte_lab.experiments import Score, Scoreboard
        >>> score = Scoreboard({"ftte": Score("ftte", 2048.0, 512.0, 0, 9, 0.9)}, None, None)
        >>> first = Settings()
        >>> shown = table([("A", first, score), ("B", first.set(jitter=0.5), score)])
        >>> shown[["run", "what differs", "accuracy (%)"]].to_numpy().tolist()
        [['A', 'the first', 90.0], ['B', 'jitter 0.5', 90.0]]
    """
    require(bool(rows), "nothing is pinned", "at least one pinned run", "Press Pin first")
    names, differs = names or {}, differences(rows)
    lines = []
    for letter, settings, board in rows:
        for score in board.scores.values():
            line: dict[str, Any] = {
                "run": called(letter, names),
                "what differs": differs[letter],
                "method": METHODS[score.method].label if score.method in METHODS else score.method,
                "target (%)": _scaled(board.target, 100),
            }
            line |= {figure.title: figure.of(score) for figure in _FIGURES}
            lines.append(line | {"share code": settings.code()})
    frame = pd.DataFrame(lines)
    return frame.astype(dict.fromkeys(_DIGITS, float))


def kept_runs(pins: Mapping[str, Board]) -> list[Kept]:
    """Return letter, settings and scoreboard of each pinned run, as far as it has run.

    Args:
        pins: boards by letter; hold their lock.
    """
    found = ((letter, board.settings, board_scores(board)) for letter, board in pins.items())
    return [(letter, settings, scores) for letter, settings, scores in found if scores]


def called(letter: str, names: Mapping[str, str]) -> str:
    """Return how a kept run is called: its letter, and its name if it has one."""
    return f"{letter}: {names[letter]}" if names.get(letter) else letter


def differences(rows: Sequence[Kept]) -> dict[str, str]:
    """Return by letter what differs from the first kept run."""
    first = rows[0][1] if rows else None
    return {
        letter: "the first" if settings is first or first is None else difference(first, settings)
        for letter, settings, _ in rows
    }


def export(frame: pd.DataFrame, form: str) -> str:
    """Return the table as text for a file or a paper.

    Args:
        frame: what `table` returned.
        form: `csv` has full precision; `markdown` and `latex` are rounded. LaTeX needs no package;
            its share codes stand as comments at the end of the lines.

    Raises:
        ValueError: an unknown form.
    """
    choice("form", form, FORMS)
    if form == "csv":
        return str(frame.to_csv(index=False, lineterminator="\n"))
    cells = [printed(line) for line in frame.to_dict("records")]
    return _markdown(list(frame), cells) if form == "markdown" else _latex(list(frame), cells)


def printed(line: Mapping[Any, Any]) -> dict[str, str]:
    """Return the cells of a line as text, numbers rounded; `–`: not reached."""
    cells = {}
    for name, value in line.items():
        digits = _DIGITS.get(name)
        if digits is None:
            cells[name] = str(value)
        else:
            cells[name] = "–" if pd.isna(value) else f"{value:,.{digits}f}"
    return cells


def _markdown(titles: list[str], lines: list[dict[str, str]]) -> str:
    rules = [" --- " if title in _TEXTS else " ---: " for title in titles]
    rows = [[_in_markdown(text) for text in titles]]
    rows += [
        [f"`{line[t]}`" if t == "share code" else _in_markdown(line[t]) for t in titles]
        for line in lines
    ]
    written = [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join([written[0], f"|{'|'.join(rules)}|", *written[1:], ""])


def _in_markdown(text: str) -> str:
    """Return text whose signs mean nothing in Markdown."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(text.split()))


def _latex(titles: list[str], lines: list[dict[str, str]]) -> str:
    shown = [title for title in titles if title != "share code"]
    columns = "".join("l" if title in _TEXTS else "r" for title in shown)
    rows = [" & ".join(map(_in_latex, shown)) + r" \\ \hline"]
    for line in lines:
        cells = " & ".join(_in_latex(line[title]) for title in shown)
        rows.append(f"{cells} \\\\ % {line['share code']}")
    inside = [f"  {row}" for row in (r"\hline", *rows, r"\hline")]
    return "\n".join([f"\\begin{{tabular}}{{{columns}}}", *inside, "\\end{tabular}", ""])


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "–": "--",
    "−": "$-$",
    "α": r"$\alpha$",
    "μ": r"$\mu$",
    "τ": r"$\tau$",
    "×": r"$\times$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def _in_latex(text: str) -> str:
    """Return text whose signs mean nothing in LaTeX."""
    return "".join(_LATEX.get(sign, sign) for sign in " ".join(text.split()))
