"""Make the tables of the parts: without each part, faulty clients, the search and chance."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from benchmarks.study import tables
from benchmarks.study.matrix import FAULTS
from benchmarks.study.tables import Rows, part_of
from benchmarks.study.words import arm_label, middle, percent, points, tenths, times, typical


def ablation(table: pd.DataFrame) -> Rows:
    """Return every arm against complete FTTE, or FedBuff, on the same seeds."""
    part = part_of(table, "ablation")
    rows = []
    for arm in dict.fromkeys(map(str, part["arm"])):
        other = "fedbuff" if arm.startswith("fedbuff") else "ftte"
        found = tables.pairs(part, arm, other)
        alone = part[part["arm"] == arm]
        same = arm == other
        rows.append(
            {
                "arm": arm_label(arm),
                "against": "–" if same else arm_label(other),
                "time to target, of FedAvg's": middle(alone["time_share"], percent),
                "time, of the other's": "–" if same else middle(found["time"], times),
                "final accuracy, points": "–" if same else middle(found["final"], points),
                "higher in": "–" if same else f"{int((found['final'] > 0).sum())} of {len(found)}",
                "worst tenth of clients, %": tenths(typical(alone["worst_accuracy"])),
            }
        )
    return rows


def faulty(table: pd.DataFrame) -> Rows:
    """Return the final accuracy of each arm under each fault, and what it costs without any.

    Points are paired: against FTTE on the same seeds under the same fault.
    """
    part = part_of(table, "faulty")
    rows = []
    for arm in dict.fromkeys(map(str, part["arm"])):
        row = {"arm": arm_label(arm)}
        for fault in FAULTS:
            here = part[part["fault"] == fault]
            alone = here.loc[here["arm"] == arm, "final_accuracy"]
            row[fault] = middle(alone, tenths)
            if arm != "ftte":
                row[fault] += f"; {points(typical(tables.pairs(here, arm, 'ftte')['final']))}"
        clean = part[part["fault"] == FAULTS[0]]
        rows.append({**row, "runs of each": str(int((clean["arm"] == arm).sum()))})
    return rows


WORLD = ["task", "start", "seed", "payload_share"]
"""Columns within which random subsets are compared: one fleet, start and size."""

KINDS = ("pure_random", "random")
SEARCHES = (("search", 1.0), ("search, gain exponent 1/2", 0.5))


def chance(table: pd.DataFrame) -> pd.DataFrame:
    """Return the part of the search, with the kind of choice, and figures against the search's.

    `over` is the final accuracy over the search's in the same world, `gain_share` the predicted
    gain as a share of the search's.
    """
    part = part_of(table, "search")
    if part.empty:
        return part.assign(kind="", over=0.0, gain_share=0.0)
    drawn = part["solver"].str.replace(r" \d+$", "", regex=True)
    names = {exponent: name for name, exponent in SEARCHES}
    kind = drawn.where(drawn != "exact", part["gain_exponent"].map(names))
    part = part.assign(kind=kind)
    search = part[part["kind"] == "search"].set_index(WORLD)
    base = search.reindex(pd.MultiIndex.from_frame(part[WORLD]))
    return part.assign(
        over=part["final_accuracy"].to_numpy() - base["final_accuracy"].to_numpy(),
        gain_share=part["predicted_gain"].to_numpy() / base["predicted_gain"].to_numpy(),
    )


def place_among(part: pd.DataFrame, search: str, kind: str) -> float:
    """Return the share of draws of a kind that end below a search in the same world."""
    below, all_of = 0, 0
    for _, world in part.groupby(WORLD):
        ours = world.loc[world["kind"] == search, "final_accuracy"]
        draws = world.loc[world["kind"] == kind, "final_accuracy"]
        if len(ours):
            below += int((draws < ours.iloc[0]).sum())
            all_of += len(draws)
    return below / all_of if all_of else math.nan


def spearman(part: pd.DataFrame, kinds: tuple[str, ...] | None = None) -> float:
    """Return the rank correlation of predicted gain and final accuracy, the mean over the worlds.

    Args:
        part: of the search.
        kinds: of the subsets that count; `None`: all.
    """
    found = []
    for _, world in part.groupby(WORLD):
        own = world if kinds is None else world[world["kind"].isin(kinds)]
        ranks = own[["predicted_gain", "final_accuracy"]].rank()
        if (ranks.nunique() > 1).all():
            found.append(float(np.corrcoef(ranks.to_numpy().T)[0, 1]))
    return float(np.mean(found)) if found else math.nan


def search(table: pd.DataFrame) -> Rows:
    """Return the search's place among random draws, setting by setting, and over all."""
    part = chance(table)
    groups = part.groupby(["task", "start", "payload_share"], sort=False)
    rows = [
        {"task": str(task), "start": str(start), "payload": percent(payload)} | _setting(own)
        for (task, start, payload), own in groups
    ]
    if rows:
        rows.append({"task": "all", "start": "", "payload": ""} | _setting(part))
    return rows


def _setting(part: pd.DataFrame) -> dict[str, str]:
    row = {
        "search, final %": middle(part.loc[part["kind"] == "search", "final_accuracy"], tenths),
    }
    for kind, title in zip(KINDS, ("pure random", "best channels, at random"), strict=True):
        over = -100 * part.loc[part["kind"] == kind, "over"]
        row[f"points over {title}"] = middle(over, points)
        for (name, _), words in zip(SEARCHES, ("above", "above, with exponent 1/2,"), strict=True):
            row[f"{words} of {title}"] = percent(place_among(part, name, kind))
    row["Spearman, all"] = _two(spearman(part))
    row["Spearman, best channels"] = _two(spearman(part, ("random",)))
    row["draws of each"] = str(int((part["kind"] == "random").sum()))
    return row


def _two(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def search_time(table: pd.DataFrame) -> str:
    """Say how long the search takes: gains and exact solution, on one core."""
    seconds = part_of(table, "search").get("search_s", pd.Series(dtype=float)).dropna()
    if seconds.empty:
        return "not measured yet"
    return f"{seconds.median():.1f} s in the median, {seconds.max():.1f} s at most"
