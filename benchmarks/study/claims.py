"""Write what README.md and docs/results.md quote of the study, between two marks of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from benchmarks.markdown import table as markdown
from benchmarks.study import bar, tables
from benchmarks.study.tables import RIVAL
from benchmarks.study.words import count, middle, percent, points, times, typical
from ftte_lab._common import require

_OURS = "measured here, one subset for all"


def short(table: pd.DataFrame) -> str:
    """Return the rows of the README: the authors' figures, and ours beside them."""
    part = tables.hard(table)
    ftte = part[part["arm"] == "ftte"]
    time, memory = (1 - typical(ftte[name]) for name in ("time_share", "micro_overhead_share"))
    payload = 1 - float(ftte["upload_of_fedavg"].max())
    rows = [
        ("time saved until the target accuracy", "81 %", percent(time)),
        ("training memory saved on the weakest device", "80 %", f"{percent(memory)} (a setting)"),
        ("payload saved per update", "69 %", f"{percent(payload)} (a setting)"),
        (
            "final accuracy",
            "near FedAvg's",
            f"{points(typical(ftte['final_against_fedavg']))} points",
        ),
    ]
    heads = ("against synchronous FedAvg", "the authors report", _OURS)
    return markdown([dict(zip(heads, row, strict=True)) for row in rows])


def full(table: pd.DataFrame) -> str:
    """Return the tables of docs/results.md: the authors' figures, every lever, and the bar."""
    levers = tables.part_of(table, "levers")
    seeds = levers["seed"].nunique()
    return "\n\n".join(
        [
            _beside_the_authors(table),
            _rival(table),
            f"### Every method, every lever\n\n100 devices, 90 % stragglers, α = 0.5, digits and "
            f"motion, {seeds} seeds: medians, and in\nbrackets the middle half of the runs.",
            markdown(tables.methods(levers)),
            "The same runs, each against FedBuff with the same average on the same task and seed:",
            markdown(tables.paired(levers, RIVAL)),
            "### The bar\n\nWhat was to be reached, over all cells with 90 % stragglers:",
            markdown(bar.rows(table)),
        ]
    )


def _beside_the_authors(table: pd.DataFrame) -> str:
    part = tables.hard(table)
    ftte = part[part["arm"] == "ftte"]
    plain = tables.pairs(part, "ftte", "fedbuff")
    rows = [
        ("faster than synchronous FedAvg", "81 %", _faster(ftte["time_share"])),
        (
            "less memory on the device",
            "80 %",
            f"{percent(1 - typical(ftte['micro_overhead_share']))} less training overhead, with "
            "micro-batches (a setting)",
        ),
        (
            "less payload",
            "69 %",
            f"{percent(1 - float(ftte['upload_of_fedavg'].max()))} or more per update (a setting)",
        ),
        (
            "accuracy",
            "near FedAvg's, at or above FedBuff's",
            f"{middle(ftte['final_against_fedavg'], points)} points over FedAvg's, "
            f"{middle(plain['final'], points)} over FedBuff's",
        ),
        ("with more devices", "grows", _by_size(ftte[ftte["alpha"] == "0.5"])),
        (
            "setting",
            "CIFAR-10, up to 500 clients, 90 % stragglers",
            f"{' and '.join(ftte['task'].unique())}, label skew of three kinds, 90 % stragglers: "
            f"medians over {len(ftte)} runs",
        ),
    ]
    heads = ("", "the authors report (arXiv 2510.03165)", _OURS)
    return markdown([dict(zip(heads, row, strict=True)) for row in rows])


def _faster(time: pd.Series) -> str:
    return (
        f"{middle(1 - time, percent)} of the time to 95 % of FedAvg's best accuracy saved, or "
        f"{percent(1 / typical(time) - 1)} more speed; {count(time)} runs get there"
    )


def _by_size(ftte: pd.DataFrame) -> str:
    saved = (
        f"{percent(1 - typical(own))} with {clients} devices"
        for clients, own in ftte.groupby("clients")["time_share"]
    )
    return f"{', '.join(saved)} (time saved, α = 0.5)"


def _rival(table: pd.DataFrame) -> str:
    """Say what FTTE has over FedBuff with the same micro-batches and average."""
    found = tables.pairs(tables.hard(table), "ftte", RIVAL)
    return (
        "FedBuff may have the same two levers: micro-batches, and the running average. Against it, "
        f"over the same {len(found)} cells\nand seeds, FTTE takes "
        f"{middle(found['time'], times)} the time to the target, "
        f"{middle(found['bytes'], percent)} of the bytes and\n"
        f"{middle(found['energy'], percent)} of the energy, and ends "
        f"{middle(found['final'], points)} points over it."
    )


_WRITER = "make headline writes them"
PLACES: Mapping[str, tuple[tuple[str, str], Callable[[pd.DataFrame], str]]] = {
    "README.md": ((f"<!-- claims: {_WRITER} -->", "<!-- end of claims -->"), short),
    "docs/results.md": (
        (f"<!-- claims in full: {_WRITER} -->", "<!-- end of claims in full -->"),
        full,
    ),
}
"""The files that quote the study: the two marks, and the function that writes between them."""


def put(file: str, text: str, table: pd.DataFrame) -> str:
    """Return the text of one of `PLACES` with its claims between its two marks.

    Raises:
        ValueError: a text without the marks.
    """
    marks, write = PLACES[file]
    require(
        all(mark in text for mark in marks), f"{file} has no place for claims", f"the lines {marks}"
    )
    before, rest = text.split(marks[0])
    after = rest.split(marks[1])[1]
    return f"{before}{marks[0]}\n{write(table)}\n{marks[1]}{after}"
