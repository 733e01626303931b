"""The scoreboard as a message: a row per method, each against FedAvg and the pinned runs."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ftte_lab._common import percent, seconds, size
from ftte_lab.charts import label, method_styles
from ftte_lab.experiments import AUTHORS, Score, Scoreboard, scoreboard
from ftte_lab.lab.board import Board

_FIGURES = ("time_s", "accuracy", "energy_j", "total_bytes")


@dataclass(frozen=True)
class _Column:
    """One figure of a score: its heading, its help and how a value is written."""

    what: str
    title: str
    help: str
    form: Callable[[float], str]


_COLUMNS = (
    _Column("time_s", "time to target", "simulated time until the target", seconds),
    _Column("memory_bytes", "memory", "peak of a training step on the weakest device", size),
    _Column(
        "upload_bytes",
        "sent per update",
        "bytes of one update of the weakest device",
        lambda value: size(value, digits=1),
    ),
    _Column(
        "accuracy",
        "accuracy",
        "test accuracy at the end of what has run, smoothed",
        lambda value: percent(value, digits=1),
    ),
    _Column(
        "energy_j",
        "energy to target",
        "joules of the whole fleet until the target",
        lambda value: f"{value:,.0f} J",
    ),
)


def board_scores(board: Board) -> Scoreboard | None:
    """Return the scores of a Lab's run, the median over its seeds; `None` before it is prepared."""
    if not board.prepared:
        return None
    target = board.settings.target
    seeds = max((len(tables) for tables in board.points.values()), default=0)
    boards = [
        scoreboard(
            board.prepared,
            {name: tables[k] for name, tables in board.points.items() if k < len(tables)},
            target=target,
        )
        for k in range(max(1, seeds))
    ]
    known = [one for one in boards if all(_complete(s) for s in one.scores.values())]
    return _median(known) if len(known) > 1 else boards[0]


def _complete(score: Score) -> bool:
    return score.accuracy is not None


def _median(boards: list[Scoreboard]) -> Scoreboard:
    """Return the median of each figure; a run that never arrives counts as endless."""
    first = boards[0]
    scores = {}
    for name, score in first.scores.items():
        values = {w: _middle([getattr(b.scores[name], w) for b in boards]) for w in _FIGURES}
        scores[name] = Score(**{**vars(score), **values})
    targets = [board.target for board in boards if board.target is not None]
    return Scoreboard(scores, statistics.median(targets) if targets else None, first.base)


def _middle(values: list[float | None]) -> float | None:
    endless = float("inf")
    middle = statistics.median([endless if value is None else value for value in values])
    return None if middle == endless else middle


def score_message(board: Board, pins: Mapping[str, Board]) -> dict[str, Any]:
    """Return what the page needs to draw the scoreboard of a run beside its pinned runs."""
    scores = board_scores(board)
    if scores is None:
        return {"rows": [], "columns": [], "target": "", "verdict": ""}
    pinned = {letter: found for letter, b in pins.items() if (found := board_scores(b))}
    styles = method_styles(list(scores.scores))
    last = {letter: found for letter, found in list(pinned.items())[-1:] if pins[letter] != board}
    rows = [
        {
            "name": name,
            "label": label(name),
            "light": styles[name].light,
            "dark": styles[name].dark,
            "cells": [_cell(column, name, scores, last) for column in _COLUMNS],
            "excluded": _excluded(score),
        }
        for name, score in scores.scores.items()
    ]
    return {
        "rows": rows,
        "columns": [_heading(column, scores) for column in _COLUMNS],
        "target": "" if scores.target is None else percent(scores.target, digits=1),
        "own_target": board.settings.target is not None,
        "verdict": _verdict(board, scores) if len(scores.scores) > 1 else "",
    }


def _verdict(board: Board, scores: Scoreboard) -> str:
    """Return the verdict; as long as a run goes on, it holds so far."""
    ended = len(board.histories) == board.settings.seeds * len(board.prepared)
    begun = any(score.accuracy is not None for score in scores.scores.values())
    return scores.verdict() if ended or not begun else f"So far: {scores.verdict()}"


def _heading(column: _Column, scores: Scoreboard) -> dict[str, Any]:
    """Return a column's heading, and where in its bars the authors' figure stands."""
    base = scores.scores.get(scores.base or "")
    value = getattr(base, column.what) if base else None
    saved = AUTHORS.get(column.what)
    longest = _longest(column, scores)
    mark = value * (1 - saved) / longest if value and saved and longest else None
    return {
        "title": column.title,
        "help": column.help,
        "mark": mark,
        "authors": f"{percent(saved)} less than FedAvg, as the authors report" if saved else "",
    }


def _longest(column: _Column, scores: Scoreboard) -> float:
    if column.what == "accuracy":
        return 1.0
    values = [getattr(score, column.what) for score in scores.scores.values()]
    return max((value for value in values if value is not None), default=0.0)


def _cell(
    column: _Column, name: str, scores: Scoreboard, pinned: Mapping[str, Scoreboard]
) -> dict[str, Any]:
    """Return one figure: its text, the length of its bar, and its differences."""
    value = getattr(scores.scores[name], column.what)
    longest = _longest(column, scores)
    base = scores.scores.get(scores.base or "")
    against = "" if base is None or name == scores.base else _change(column, value, base)
    earlier = [
        f"{letter} {text}"
        for letter, board in pinned.items()
        if name in board.scores and (text := _change(column, value, board.scores[name]))
    ]
    return {
        "text": "–" if value is None else column.form(value),
        "bar": value / longest if value is not None and longest else None,
        "change": against,
        "pinned": " ".join(earlier),
    }


def _change(column: _Column, value: float | None, other: Score) -> str:
    """Return a difference in words: points for accuracy, a share for the rest."""
    base = getattr(other, column.what)
    if value is None or not base:
        return ""
    if column.what == "accuracy":
        points = round(100 * (value - base), 1)
        return f"{points:+.1f}".replace("-", "−") if points else "±0"
    share = round(100 * (value / base - 1))
    return f"{share:+d} %".replace("-", "−") if share else "±0 %"


def _excluded(score: Score) -> str:
    return f"{score.too_small} of {score.devices}" if score.too_small else "none"
