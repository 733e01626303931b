"""Keep the results: one line per run, and only lines of the study as it is planned today."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.study import foretell, outcome
from benchmarks.study.jobs import Results
from benchmarks.study.plan import Runs
from ftte_lab._common import FileTroubleError, brief, write_atomic, writing_to

KEPT = Path(__file__).with_name("study.csv")
"""The committed results."""

KEY = ["part", "arm", "task", "alpha", "stragglers", "clients", "seed", "start", "fault"]
"""Columns that name a line."""

CENTRAL = "central"
"""The arm of one net that was trained on everybody's samples together."""


def read(path: Path = KEPT) -> pd.DataFrame:
    """Return the lines of a file; none if it does not exist.

    Raises:
        FileTroubleError: it may not be read, is cut off, or holds something else. It is not taken
            for an empty one, because it would then be replaced.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return pd.DataFrame(columns=[*KEY, "digest"])
    except OSError as error:
        raise _trouble(path, brief(error)) from error
    try:
        table: pd.DataFrame = pd.read_csv(io.BytesIO(content), dtype={"alpha": str, "digest": str})
    except ValueError as error:
        raise _trouble(path, brief(error)) from error
    if missing := [name for name in (*KEY, "digest") if name not in table]:
        raise _trouble(path, f"it has no column {missing[0]}")
    if not content.endswith(b"\n") or table["digest"].isna().any():
        raise _trouble(path, "it is cut off")
    return table


def _trouble(path: Path, reason: str) -> FileTroubleError:
    return FileTroubleError(
        f"{path} cannot be read ({reason}); allowed: lines that the study wrote. "
        "Restore it, or move it away."
    )


def write(table: pd.DataFrame, path: Path = KEPT) -> None:
    """Write lines, rounded to six digits.

    Raises:
        FileTroubleError: the folder cannot be written, or is full.
    """
    with writing_to(path.parent, "Choose another file with --results"):
        write_atomic(path, table.to_csv(index=False, float_format="%.6g").encode())


def lines(planned: Iterable[Runs], found: Results) -> pd.DataFrame:
    """Return a line for each planned run that is there, with its figures against FedAvg's.

    Args:
        planned: what was to be run.
        found: results; a cell whose FedAvg is missing gets no line.
    """
    rows: list[dict[str, Any]] = []
    for runs in planned:
        if runs.fedavg is not None and not found.has(runs.fedavg):
            continue
        rows += _of_cell(runs, found)
    return pd.DataFrame(rows) if rows else read(Path("none"))


def _of_cell(runs: Runs, found: Results) -> Iterator[dict[str, Any]]:
    fedavg = None if runs.fedavg is None else found.history(runs.fedavg)
    for arm, scenario in runs.scenarios.items():
        if found.has(scenario):
            history = found.history(scenario)
            row = outcome.line(runs.part, arm, runs.cell, scenario, history, fedavg)
            if fedavg is None:
                row |= foretell.figures(runs.cell, scenario, history)
            yield row | {"core_s": found.core_s(scenario)}
    if runs.central is not None and found.has(runs.central, CENTRAL):
        level = found.level(runs.central)
        yield {
            "part": runs.part,
            "arm": CENTRAL,
            **vars(runs.cell),
            "digest": runs.central.digest(),
            "final_accuracy": level["accuracy"],
            "updates": level["steps"],
            "core_s": found.core_s(runs.central, CENTRAL),
        }


def merged(tables: Sequence[pd.DataFrame], planned: Iterable[Runs]) -> pd.DataFrame:
    """Return the lines of several tables that belong to the study as it is planned, in its order.

    A line of a run that is planned otherwise today (another rate, another end) is left out. Of the
    lines of one run the last counts.

    Args:
        tables: of lines, later ones first choice.
        planned: the complete study.
    """
    order = {key: k for k, key in enumerate(keys(planned))}
    table = pd.concat([t for t in tables if len(t)] or [tables[0]], ignore_index=True)
    if not len(table):
        return table
    names = [tuple(row) for row in table[[*KEY, "digest"]].itertuples(index=False)]
    place = pd.Series([order.get(name, -1) for name in names], index=table.index)
    table = table[place >= 0].assign(_place=place[place >= 0])
    table = table.drop_duplicates("_place", keep="last").sort_values("_place", ignore_index=True)
    return table.drop(columns="_place")


def keys(planned: Iterable[Runs]) -> Iterator[tuple[Any, ...]]:
    """Yield the name and the digest of each line of the study, in its order."""
    for runs in planned:
        arms = [(arm, s.digest()) for arm, s in runs.scenarios.items()]
        if runs.central is not None:
            arms.append((CENTRAL, runs.central.digest()))
        for arm, digest in arms:
            yield (runs.part, arm, *vars(runs.cell).values(), digest)


def missing(table: pd.DataFrame, planned: Iterable[Runs]) -> int:
    """Return how many lines of the study are not there."""
    return len(set(keys(planned))) - len(table)
