"""Write the study's page `HEADLINE.md`, its tidy results beside it, and its charts."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import torch

from benchmarks.markdown import table as markdown
from benchmarks.study.first import arms, matrix, pictures, tables
from ftte_lab._common import cores, write_atomic

_PAGE = (Path(__file__).parents[1] / "first_page.md").read_text(encoding="utf-8")


def read(home: Path = Path(__file__).parents[1]) -> pd.DataFrame:
    """Return the kept results of the last complete study: the page's numbers follow from them."""
    table: pd.DataFrame = pd.read_csv(home / "headline.csv", dtype={"alpha": str})
    return table


def write(table: pd.DataFrame, home: Path) -> None:
    """Write the tidy results; and from what was kept the page and its charts."""
    write_atomic(home / "headline.csv", table.to_csv(index=False, float_format="%.6g").encode())
    table = read(home)
    pictures.draw(table, home)
    text = _PAGE.format(**_settings(), **_results(table))
    write_atomic(home / "HEADLINE.md", text.encode())


def _settings() -> dict[str, str]:
    """Return what was run, and on which machine."""
    ends = [arms.UPDATES[n] for n in matrix.CLIENTS]
    tasks = [(name, task) for name, task in matrix.TASKS.items() if task.everywhere]
    return {
        "seeds": ", ".join(map(str, matrix.SEEDS)),
        "tuning": ", ".join(map(str, matrix.TUNING_SEEDS)),
        "centre_seeds": ", ".join(map(str, matrix.CENTRE_SEEDS)),
        "machine": f"{cores()} cores ({platform.machine()}), Python {platform.python_version()}, "
        f"torch {torch.__version__}",
        "devices": _and(f"{n}" for n in matrix.CLIENTS),
        "buffers": _and(f"{matrix.BUFFERS[n]}" for n in matrix.CLIENTS),
        "updates": _and(f"{end.full:,}" for end in ends),
        "part_updates": _and(f"{end.part:,}" for end in ends),
        "ftte_updates": _and(f"{end.ftte:,}" for end in ends),
        "horizons": _and(f"{task.horizon_s:,.0f} for {name}" for name, task in tasks),
    }


def _results(table: pd.DataFrame) -> dict[str, str]:
    """Return the tables of the page, and what it took to make them."""
    others = sorted(set(table["stragglers"]) - {tables.HARD}, reverse=True)
    return {
        "runs": f"{table['wall_s'].count():,}",
        "minutes": f"{table['wall_s'].sum() / 60:.0f}",
        "overview": tables.overview(table),
        "bar": markdown(tables.bar(table)),
        "cells": markdown(tables.by_cell(table)),
        "parts": markdown(tables.parts(table)),
        "rare": markdown(tables.rare(table)),
        "memory": markdown(tables.memory()),
        "more": "\n\n".join(
            f"### {100 * share:.0f} % stragglers\n\n{tables.overview(table, share)}"
            for share in others
        ),
    }


def _and(words: Iterable[str]) -> str:
    return " and ".join(words)
