"""Write the sentences of README and docs/results.md that quote the study, from its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from benchmarks.markdown import table as markdown
from benchmarks.study.first import tables
from benchmarks.study.first.tables import FINAL, TIME, middle, percent, points, typical
from ftte_lab._common import require


def claims(table: pd.DataFrame) -> str:
    """Return the four rows of the README: the authors' figures, and ours beside them."""
    part = tables.shared_tasks(table, tables.HARD)
    ftte = part[part["arm"] == "ftte"]
    time, memory = (1 - typical(ftte[name]) for name in ("time_share", "overhead_share"))
    payload = 1 - float(ftte["upload_share"].max())
    final = typical(ftte["final_against_fedavg"])
    rows = [
        ("time saved until the target accuracy", "81 %", percent(time)),
        ("training memory saved on the weakest device", "80 %", f"{percent(memory)} (a setting)"),
        ("payload saved per update", "69 %", f"{percent(payload)} (a setting)"),
        ("final accuracy", "near FedAvg's", f"{points(final)} points"),
    ]
    heads = ("against synchronous FedAvg", "the authors report", "measured here")
    return markdown([dict(zip(heads, row, strict=True)) for row in rows])


def claims_in_full(table: pd.DataFrame) -> str:
    """Return the table of docs/results.md: the authors' figures, and ours beside them."""
    part = tables.shared_tasks(table, tables.HARD)
    ftte, fedbuff = (
        part[part["arm"] == arm].set_index(tables.PLACE) for arm in ("ftte", "fedbuff")
    )
    over = 100 * (ftte["final_accuracy"] - fedbuff["final_accuracy"]).dropna()
    payload = percent(1 - float(ftte["upload_share"].max()))
    rows = [
        ("faster than synchronous FedAvg", "81 %", _faster(ftte["time_share"])),
        ("less memory on the device", "80 %", _less_memory(ftte)),
        ("less payload", "69 %", f"{payload} or more per update (a setting)"),
        (
            "accuracy",
            "near FedAvg's, at or above FedBuff's",
            f"{middle(ftte['final_against_fedavg'], points)} points over FedAvg's, "
            f"{middle(over, points)} over FedBuff's",
        ),
        ("with more devices", "grows", _by_size(ftte["time_share"])),
        (
            "setting",
            "CIFAR-10, up to 500 clients, 90 % stragglers",
            f"{' and '.join(part['task'].unique())}, label skew of three kinds, 90 % stragglers: "
            f"medians over {len(ftte)} runs",
        ),
    ]
    heads = ("", "the authors report (arXiv 2510.03165)", "measured here")
    lines = markdown([dict(zip(heads, row, strict=True)) for row in rows])
    return f"{lines}\n\n{_additions(table)}"


def _faster(time: pd.Series) -> str:
    return (
        f"{middle(1 - time, percent)} of the time to 95 % of FedAvg's best accuracy saved, or "
        f"{percent(1 / typical(time) - 1)} more speed; "
        f"{int(np.isfinite(time).sum())} of {len(time)} runs get there"
    )


def _less_memory(ftte: pd.DataFrame) -> str:
    weakest, fleet = (
        percent(1 - typical(ftte[name])) for name in ("overhead_share", "mean_overhead_share")
    )
    return (
        f"{weakest} less training overhead on the weakest device (a setting), "
        f"{fleet} in the fleet's mean"
    )


def _by_size(time: pd.Series) -> str:
    saved = (
        f"{percent(1 - typical(values))} with {clients} devices"
        for clients, values in time.groupby(level="clients")
    )
    return f"{', '.join(saved)} (time saved)"


def _additions(table: pd.DataFrame) -> str:
    """Return what the figures owe to our two additions, and to neither search nor weights."""
    kept = {row["arm"]: row for row in tables.parts(table)}

    def short(arm: str) -> str:
        time, final = (kept[arm][column].partition(" (")[0] for column in (TIME, FINAL))
        return f"{time.replace('not reached', 'it does not get there')} ({final} points at the end)"

    seeds = table.loc[table["part"] == "ablation", "seed"].nunique()
    return (
        f"They rest on our two additions. With 100 devices and α = 0.5 ({seeds} seeds of both "
        f"tasks), FTTE takes\n"
        f"{kept['FTTE'][TIME]} of FedAvg's time; with one subset for the whole fleet "
        f"{short('- tiers')},\n"
        f"without the running average {short('- averaged model')}. FedBuff, given the same "
        f"average, takes\n"
        f"{short('FedBuff + averaged model')}, training everything on devices half of which "
        f"cannot hold it."
    )


_WRITER = "make headline writes them"
PLACES: Mapping[str, tuple[tuple[str, str], Callable[[pd.DataFrame], str]]] = {
    "README.md": ((f"<!-- claims: {_WRITER} -->", "<!-- end of claims -->"), claims),
    "docs/results.md": (
        (f"<!-- claims in full: {_WRITER} -->", "<!-- end of claims in full -->"),
        claims_in_full,
    ),
}
"""The files that quote the study: the two marks, and the function that writes between them."""


def put_claims(file: str, text: str, table: pd.DataFrame) -> str:
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
