"""The sentences of README and docs/results.md that quote the study, written from its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from benchmarks.markdown import table as markdown
from benchmarks.study import pages
from ftte_lab._common import require


def claims(table: pd.DataFrame) -> str:
    """Return the four rows of the README: the authors' figures, and ours beside them."""
    part = pages.whole_tasks(table, pages.HARD)
    ftte = part[part["arm"] == "ftte"]
    time, memory = (1 - pages.typical(ftte[name]) for name in ("time_share", "overhead_share"))
    payload = 1 - float(ftte["upload_share"].max())
    final = pages.typical(ftte["final_against_fedavg"])
    rows = [
        ("time saved until the target accuracy", "81 %", pages.percent(time)),
        (
            "training memory saved on the weakest device",
            "80 %",
            f"{pages.percent(memory)} (a setting)",
        ),
        ("payload saved per update", "69 %", f"{pages.percent(payload)} (a setting)"),
        ("final accuracy", "near FedAvg's", f"{pages.points(final)} points"),
    ]
    heads = ("against synchronous FedAvg", "the authors report", "measured here")
    return markdown([dict(zip(heads, row, strict=True)) for row in rows])


def claims_in_full(table: pd.DataFrame) -> str:
    """Return the table of docs/results.md: the authors' figures, and ours beside them."""
    part = pages.whole_tasks(table, pages.HARD)
    ftte, fedbuff = (part[part["arm"] == arm].set_index(pages.PLACE) for arm in ("ftte", "fedbuff"))
    time, over = (
        ftte["time_share"],
        100 * (ftte["final_accuracy"] - fedbuff["final_accuracy"]).dropna(),
    )
    sizes = [
        f"{pages.percent(1 - pages.typical(v))} with {n} devices"
        for n, v in time.groupby(level="clients")
    ]
    less, fleet = (
        pages.percent(1 - pages.typical(ftte[f"{kind}overhead_share"])) for kind in ("", "mean_")
    )
    faster = (
        f"{pages.middle(1 - time, pages.percent)} of the time to 95 % of FedAvg's best accuracy saved, or "
        f"{pages.percent(1 / pages.typical(time) - 1)} more speed; "
        f"{int(np.isfinite(time).sum())} of {len(time)} runs get there"
    )
    against_fedavg = pages.middle(ftte["final_against_fedavg"], pages.points)
    near = (
        f"{against_fedavg} points over FedAvg's, {pages.middle(over, pages.points)} over FedBuff's"
    )
    tasks = " and ".join(part["task"].unique())
    payload = pages.percent(1 - float(ftte["upload_share"].max()))
    rows = [
        ("faster than synchronous FedAvg", "81 %", faster),
        (
            "less memory on the device",
            "80 %",
            f"{less} less training overhead on the weakest device (a setting), {fleet} in the fleet's mean",
        ),
        ("less payload", "69 %", f"{payload} or more per update (a setting)"),
        ("accuracy", "near FedAvg's, at or above FedBuff's", near),
        ("with more devices", "grows", f"{', '.join(sizes)} (time saved)"),
        (
            "setting",
            "CIFAR-10, up to 500 clients, 90 % stragglers",
            f"{tasks}, label skew of three kinds, 90 % stragglers: medians over {len(time)} runs",
        ),
    ]
    lines = markdown(
        [
            {"": a, "the authors report (arXiv 2510.03165)": b, "measured here": c}
            for a, b, c in rows
        ]
    )
    return f"{lines}\n\n{_owed(table)}"


def _owed(table: pd.DataFrame) -> str:
    """What the figures owe to our two additions, and to neither search nor weights."""
    kept = {row["arm"]: row for row in pages.parts(table)}

    def said(arm: str) -> str:
        time, final = (kept[arm][column].partition(" (")[0] for column in (pages.TIME, pages.FINAL))
        return f"{time.replace('not reached', 'it does not get there')} ({final} points at the end)"

    seeds = table.loc[table["part"] == "ablation", "seed"].nunique()
    return (
        f"They rest on our two additions. With 100 devices and α = 0.5 ({seeds} seeds of both tasks), FTTE takes\n"
        f"{kept['FTTE'][pages.TIME]} of FedAvg's time; with one subset for the whole fleet {said('- tiers')},\n"
        f"without the running average {said('- averaged model')}. FedBuff, given the same average, takes\n"
        f"{said('FedBuff + averaged model')}, training everything on devices half of which cannot hold it."
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
