"""Make the tables of methods, levers and cells: one list of rows, each written as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from benchmarks.study import bills, matrix
from benchmarks.study.results import CENTRAL
from benchmarks.study.words import (
    arm_label,
    count,
    kib,
    middle,
    percent,
    points,
    tenths,
    times,
    typical,
)

RIVAL = "fedbuff + average"
"""FedBuff with the same micro-batches and the same average: what FTTE must beat."""

PLACE = ["task", "alpha", "stragglers", "clients", "seed"]
"""Columns that name a cell."""

Rows = list[dict[str, str]]


def part_of(table: pd.DataFrame, part: str) -> pd.DataFrame:
    """Return the runs of one part; central training has no line among them."""
    return table[(table["part"] == part) & (table["arm"] != CENTRAL)]


def hard(table: pd.DataFrame, stragglers: float = matrix.HARD) -> pd.DataFrame:
    """Return the matrix at one share of stragglers."""
    part = part_of(table, "matrix")
    return part[part["stragglers"] == stragglers]


def methods(runs: pd.DataFrame) -> Rows:
    """Return a row per arm: all that it reached and took, medians with their middle half."""
    return [_method(str(arm), rows) for arm, rows in runs.groupby("arm", sort=False)]


def _method(arm: str, rows: pd.DataFrame) -> dict[str, str]:
    return {
        "arm": arm_label(arm),
        "reached the target": count(rows["time_share"]),
        "time to target, of FedAvg's": middle(rows["time_share"], percent),
        "final accuracy, points over FedAvg's": middle(rows["final_against_fedavg"], points),
        "training overhead, whole batch": middle(rows["overhead_share"], percent),
        "with micro-batches": middle(rows["micro_overhead_share"], percent),
        "upload": percent(typical(rows["upload_of_fedavg"])),
        "download": percent(typical(rows["download_of_fedavg"])),
        "all that is sent per update": percent(typical(rows["sent_of_fedavg"])),
        "all bytes to target": middle(rows["bytes_share"], percent),
        "energy to target": middle(rows["energy_share"], percent),
        "mean staleness": f"{rows['mean_staleness'].median():.1f}",
        "rejected": f"{rows['rejected'].sum():.0f}",
    }


def messages(runs: pd.DataFrame) -> Rows:
    """Return a row per arm: KiB of one message of each sort and of a training step, by task."""
    return [
        {"arm": arm_label(str(arm))}
        | {
            f"{title}, {task}": kib(typical(own[column]))
            for title, column in _MESSAGES.items()
            for task, own in rows.groupby("task", sort=False)
        }
        for arm, rows in runs.groupby("arm", sort=False)
    ]


_MESSAGES = {
    "upload": "upload_bytes_per_update",
    "download": "download_bytes_per_update",
    "first download": "first_download_bytes",
    "index": "index_bytes",
    "step at once": "peak_bytes",
    "step in micro-batches": "micro_peak_bytes",
}


def pairs(runs: pd.DataFrame, arm: str, other: str) -> pd.DataFrame:
    """Return paired figures of two arms on the same cells and seeds.

    Columns: `time` and `bytes` and `energy`, ratios of what the target took; `final`, points.
    """
    index = [*PLACE, "start", "fault"]
    ours, theirs = (runs[runs["arm"] == name].set_index(index) for name in (arm, other))
    both = ours.index.intersection(theirs.index)
    ours, theirs = ours.loc[both], theirs.loc[both]
    ratios = {
        name: ours[f"{name}_to_target"] / theirs[f"{name}_to_target"]
        for name in ("time", "bytes", "energy")
    }
    return pd.DataFrame(
        {**ratios, "final": 100 * (ours["final_accuracy"] - theirs["final_accuracy"])}
    )


def paired(runs: pd.DataFrame, other: str) -> Rows:
    """Return a row per arm: its paired differences from one other arm.

    Where neither reached the target there is no factor.
    """
    rows = []
    for arm in dict.fromkeys(runs["arm"]):
        found = pairs(runs, str(arm), other)
        if arm != other and len(found):
            rows.append(
                {
                    "arm": arm_label(str(arm)),
                    "time to target": middle(found["time"], times),
                    "bytes to target": middle(found["bytes"], times),
                    "energy to target": middle(found["energy"], times),
                    "final accuracy, points": middle(found["final"], points),
                    "higher at the end in": f"{int((found['final'] > 0).sum())} of {len(found)}",
                }
            )
    return rows


def cells(table: pd.DataFrame) -> Rows:
    """Return medians over the seeds, cell by cell: where FTTE wins, and where it does not."""
    rows = []
    for place, cell in part_of(table, "matrix").groupby(PLACE[:-1], sort=False):
        by_arm = {str(arm): lines for arm, lines in cell.groupby("arm")}
        if not {"fedavg", "fedbuff", RIVAL, "ftte"} <= set(by_arm):
            continue
        order = [by_arm[name] for name in ("fedavg", "fedbuff", RIVAL, "ftte")]
        finals = [100 * lines["final_accuracy"].median() for lines in order]
        shares = [typical(lines["time_share"]) for lines in order]
        rows.append(
            dict(zip(("task", "α", "stragglers", "devices"), map(_word, place), strict=True))
            | {
                "FedAvg's time, virtual s": f"{order[0]['time_to_target'].median():,.0f}",
                "FedBuff": percent(shares[1]),
                "+ average": percent(shares[2]),
                "FTTE": percent(shares[3]),
                "final: FedAvg, FedBuff, + average, FTTE": ", ".join(f"{f:.1f}" for f in finals),
                "where FTTE loses": "; ".join(_losses(finals, shares)),
            }
        )
    return rows


_LOSS = 0.5  # points of accuracy from which on a loss is named


def _losses(finals: list[float], shares: list[float]) -> Iterator[str]:
    """Yield where FTTE is slower, or ends lower, than another."""
    names = ("FedAvg", "FedBuff", "FedBuff + average")
    for name, final, share in zip(names, finals[:3], shares[:3], strict=True):
        if shares[3] > share:
            yield f"slower than {name}"
        if finals[3] < final - _LOSS:
            yield f"{final - finals[3]:.1f} points below {name}"


def _word(value: object) -> str:
    return f"{100 * value:.0f} %" if isinstance(value, float) else str(value)


def real(table: pd.DataFrame) -> Rows:
    """Return real data: every arm beside one net trained on everybody's samples together."""
    rows = []
    part = table[table["part"] == "real"]
    for (task, clients), cell in part.groupby(["task", "clients"], sort=False):
        level = cell.loc[cell["arm"] == CENTRAL, "final_accuracy"]
        for arm, lines in cell[cell["arm"] != CENTRAL].groupby("arm", sort=False):
            rows.append(
                {
                    "task": str(task),
                    "devices": str(clients),
                    "arm": arm_label(str(arm)),
                    "final accuracy, %": middle(lines["final_accuracy"], tenths),
                    "reached the target": count(lines["time_share"]),
                    "time to target": middle(lines["time_share"], percent),
                    "all bytes to target": middle(lines["bytes_share"], percent),
                    "energy to target": middle(lines["energy_share"], percent),
                    "levelled off": percent(float(lines["levelled_off"].mean())),
                }
            )
        if len(level):
            name = {"task": str(task), "devices": str(clients), "arm": arm_label(CENTRAL)}
            rows.append({**name, "final accuracy, %": middle(level, tenths)})
    return rows


def central(table: pd.DataFrame) -> Rows:
    """Return the best federated level of the central cell beside the central one."""
    rows = []
    levers = table[table["part"] == "levers"]
    for task, own in levers.groupby("task", sort=False):
        by_arm = own.groupby("arm", sort=False)["final_accuracy"]
        row = {"task": str(task)}
        for arm in ("fedavg", "fedbuff", RIVAL, "ftte", CENTRAL):
            if arm in by_arm.groups:
                row[arm_label(arm)] = middle(by_arm.get_group(arm), tenths)
        rows.append(row)
    return rows


def memory() -> Rows:
    """Return what full training takes at once and in micro-batches, and FTTE's budget, in KiB."""
    rows = []
    for name, task in matrix.TASKS.items():
        if name != task.data:
            continue  # the same net and data in another fleet
        row = {"task": name, "net": task.model, "batch": str(task.batch)}
        row["inference on one sample"] = kib(bills.bill(name).inference_one_bytes)
        row["full step at once"] = kib(bills.bill(name).peak_bytes)
        for size in (task.batch // 2, task.batch // 4, 1):
            row[f"in parts of {_SIZES[size == 1, size == task.batch // 2]}"] = kib(
                bills.bill(name, None, size).peak_bytes
            )
        row["FTTE's budget"] = f"{bills.budget_kib(name):.1f}"
        rows.append(row)
    return rows


_SIZES = {(False, True): "a half", (False, False): "a quarter", (True, False): "one sample"}
