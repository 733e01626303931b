"""Write the study's page `STUDY.md` with its charts, and the tables of other pages."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import torch

from benchmarks.markdown import table as markdown
from benchmarks.study import arms, bar, claims, matrix, parts, pictures, tables
from benchmarks.study.plan import PARTS
from benchmarks.study.tables import Rows
from ftte_lab._common import cores, write_atomic

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
_PAGE = HERE / "page.md"
_NOTHING = "*Not run yet.*"


def write(table: pd.DataFrame, home: Path = HERE) -> None:
    """Write the page and its charts from what lines there are."""
    made = pictures.draw(table, home)
    write_atomic(home / "STUDY.md", page(table, made).encode())


def page(table: pd.DataFrame, charts: Iterable[str]) -> str:
    """Return the page.

    Args:
        table: lines of the study, not necessarily all.
        charts: names of the charts that were drawn.
    """
    drawn = {name: f"![{_CHARTS[name]}]({name}.png)" for name in charts}
    places = {f"chart_{name}": drawn.get(name, "") for name in _CHARTS}
    page = _PAGE.read_text(encoding="utf-8")
    return page.format(**_settings(), **_made(table), **_tables(table), **places)


_CHARTS = {
    "time": "Time to target over the share of stragglers",
    "levers": "Time, bytes, accuracy and memory of every method with every lever",
    "search25": "Random subsets of a quarter of the parameters around the search",
    "search10": "Random subsets of a tenth of the parameters around the search",
    "foretold": "Predicted against measured gain",
}


def _settings() -> dict[str, str]:
    """Return what is run."""
    ends = [arms.ENDS[n] for n in (matrix.CENTRE[2], matrix.MANY)]
    return {
        "seeds": _and(map(str, matrix.SEEDS)),
        "few_seeds": _and(map(str, matrix.FEW_SEEDS)),
        "search_seeds": _and(map(str, matrix.SEARCH_SEEDS)),
        "tuning": _and(map(str, matrix.TUNING_SEEDS)),
        "buffers": _and(f"{matrix.BUFFERS[n]}" for n in (matrix.CENTRE[2], matrix.MANY)),
        "updates": _and(f"{end.full:,}" for end in ends),
        "part_updates": _and(f"{end.part:,}" for end in ends),
        "short": f"{arms.SHORT.full:,}",
        "shortest": f"{arms.SHORTEST.full:,}",
        "horizons": _and(
            f"{task.horizon_s:,.0f} for {name}"
            for name, task in matrix.TASKS.items()
            if name != "quick"
        ),
    }


def _made(table: pd.DataFrame) -> dict[str, str]:
    """Return how much was run, and what it took."""
    runs = table.drop_duplicates("digest") if len(table) else table
    core_s = float(runs["core_s"].sum()) if len(table) else 0.0
    by_part = [
        {"part": name, "shows": part.about, "lines": str(int((table["part"] == name).sum()))}
        for name, part in PARTS.items()
    ]
    return {
        "lines": f"{len(table):,}",
        "runs": f"{len(runs):,}",
        "core_minutes": f"{core_s / 60:,.0f}",
        "machine": f"{cores()} cores ({platform.machine()}), Python {platform.python_version()}, "
        f"torch {torch.__version__}",
        "made": _rows(by_part),
    }


def _tables(table: pd.DataFrame) -> dict[str, str]:
    """Return the tables of the page; a part without lines says so."""
    if table.empty:
        table = _empty(table)
    levers = tables.part_of(table, "levers")
    others = (s for s in matrix.STRAGGLERS if s != matrix.HARD)
    return {
        "bar": _rows(bar.rows(table)),
        "levers": _rows(tables.methods(levers)),
        "paired": _rows(tables.paired(levers, tables.RIVAL)),
        "messages": _rows(tables.messages(levers)),
        "memory": _rows(tables.memory()),
        "hard": _rows(tables.methods(tables.hard(table))),
        "hard_paired": _rows(tables.paired(tables.hard(table), tables.RIVAL)),
        "easier": "\n\n".join(
            f"### {100 * share:.0f} % stragglers\n\n"
            + _rows(tables.methods(tables.hard(table, share)))
            for share in others
        ),
        "cells": _rows(tables.cells(table)),
        "ablation": _rows(parts.ablation(table)),
        "untrained": _rows(tables.methods(tables.part_of(table, "untrained"))),
        "faulty": _rows(parts.faulty(table)),
        "search": _rows(parts.search(table)),
        "search_time": parts.search_time(table),
        "central": _rows(tables.central(table)),
        "real": _rows(tables.real(table)),
    }


def _empty(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without lines that has every column that the tables read."""
    columns = ["stragglers", "solver", "gain_exponent", "payload_share", "final_accuracy"]
    return table.reindex(columns=list(dict.fromkeys([*table.columns, *columns])))


def _rows(rows: Rows) -> str:
    return markdown(rows) if rows else _NOTHING


def _and(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def publish(table: pd.DataFrame) -> None:
    """Write what README.md and docs/results.md quote, between their marks."""
    for name in claims.PLACES:
        path = ROOT / name
        write_atomic(path, claims.put(name, path.read_text(encoding="utf-8"), table).encode())
