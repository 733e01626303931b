"""Make the tables of the study from its results: one list of rows, or one Markdown table, each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from benchmarks.markdown import table as markdown
from benchmarks.study.first import arms, matrix, pictures
from ftte_lab.devices import ACCOUNTINGS, training_bill
from ftte_lab.simulation import Scenario, Tier, prepare

HARD = 0.9
"""The authors' share of stragglers."""

TIME, FINAL = "time, share of FedAvg's", "final accuracy, points over FTTE's"
PLACE = ["task", "alpha", "stragglers", "clients", "seed"]
"""Columns that name a cell."""

_LOSS = 0.5  # points of accuracy from which on a loss is named

Form = Callable[[float], str]


def typical(values: pd.Series) -> float:
    """Return the median: infinite where one of two middle runs did not arrive."""
    return float(values.median())


def middle(values: pd.Series, form: Form) -> str:
    """Write the median, and the middle half of the runs.

    It is "not reached" where the median run did not reach the target.
    """
    low, high = np.quantile(values.to_numpy(float), [0.25, 0.75], method="nearest")
    mid = form(typical(values))
    return f"{mid} ({form(low)} to {form(high)})" if low != high else mid


def percent(value: float) -> str:
    """Write a share in percent.

    Example:
        >>> percent(0.194), percent(math.inf)
        ('19 %', 'not reached')
    """
    return "not reached" if math.isinf(value) else f"{100 * value:.0f} %"


def points(value: float) -> str:
    """Write a difference in percentage points, without a minus before a nought.

    Example:
        >>> points(1.46), points(-0.01)
        ('+1.5', '+0.0')
    """
    return f"{round(value, 1) + 0.0:+.1f}"


def tenths(value: float) -> str:
    """Write a share in percent with one decimal."""
    return f"{100 * value:.1f}"


def shared_tasks(table: pd.DataFrame, stragglers: float) -> pd.DataFrame:
    """Return the matrix at one share of stragglers.

    Tasks that run in its central cell alone are left out.
    """
    once = [name for name, task in matrix.TASKS.items() if not task.everywhere]
    return table[
        (table["part"] == "matrix")
        & (table["stragglers"] == stragglers)
        & ~table["task"].isin(once)
    ]


def overview(table: pd.DataFrame, stragglers: float = HARD) -> str:
    """Write one row per method at one share of stragglers, as Markdown."""
    part = shared_tasks(table, stragglers)
    return markdown([_method_row(str(arm), rows) for arm, rows in part.groupby("arm", sort=False)])


def _method_row(arm: str, rows: pd.DataFrame) -> dict[str, str]:
    time = rows["time_share"]
    usual = typical(time)
    gained = math.isfinite(usual) and arm != "fedavg"
    return {
        "arm": pictures.arm_label(arm),
        "runs that reached the target": f"{int(np.isfinite(time).sum())} of {len(rows)}",
        TIME: middle(time, percent),
        "time saved": percent(1 - usual) if gained else "–",
        "speed gained": percent(1 / usual - 1) if gained else "–",
        "final accuracy, points over FedAvg's": middle(rows["final_against_fedavg"], points),
        "levelled off": percent(float(rows["levelled_off"].mean())),
        "slowest tenth, %": tenths(rows["straggler_accuracy"].median()),
        "worst tenth of clients, %": tenths(rows["worst_decile_accuracy"].median()),
        "memory overhead, weakest device": percent(typical(rows["overhead_share"])),
        "fleet's mean": percent(typical(rows["mean_overhead_share"])),
        "upload": percent(typical(rows["upload_share"])),
        "download": percent(typical(rows["download_share"])),
        "downloaded once, KiB": f"{rows['first_download_bytes'].median() / 1024:.0f}",
        "energy to target": middle(rows["energy_share"], percent),
        "all bytes to target": middle(rows["bytes_share"], percent),
    }


def bar(table: pd.DataFrame) -> list[dict[str, str]]:
    """Return the authors' figures beside ours, over all cells with 90 % stragglers."""
    part = shared_tasks(table, HARD)
    ftte, fedbuff = (part[part["arm"] == arm].set_index(PLACE) for arm in ("ftte", "fedbuff"))
    against = 100 * (ftte["final_accuracy"] - fedbuff["final_accuracy"]).dropna()
    time, above = ftte["time_share"], ftte["final_against_fedavg"]
    by_size = [typical(times) for _, times in time.groupby(level="clients")]
    memory, upload = typical(ftte["overhead_share"]), float(ftte["upload_share"].max())
    rows = [
        ("time to target, of FedAvg's", "at most 19 %", middle(time, percent)),
        ("training overhead, weakest device", "at most 20 %", percent(memory)),
        ("upload per update, the largest", "at most 31 %", percent(upload)),
        ("final accuracy, points over FedAvg's", "-2 or more", middle(above, points)),
        ("final accuracy, points over FedBuff's", "0 or more", middle(against, points)),
        ("time, with more devices", "falls", " → ".join(map(percent, by_size))),
    ]
    reached = [
        typical(time) <= 0.19,
        round(memory, 2) <= 0.20,
        round(upload, 2) <= 0.31,
        typical(above) >= -2,
        typical(against) >= 0,
        by_size[-1] < by_size[0],
    ]
    return [
        {"figure": figure, "bar": bar, "ours": ours, "reached": "yes" if ok else "**no**"}
        for (figure, bar, ours), ok in zip(rows, reached, strict=True)
    ]


def by_cell(table: pd.DataFrame) -> list[dict[str, str]]:
    """Return medians over the seeds, cell by cell: where FTTE wins, and where it does not."""
    part = table[table["part"] == "matrix"]
    rows = []
    for place, cell in part.groupby(PLACE[:-1], sort=False):
        by_arm = {str(arm): lines for arm, lines in cell.groupby("arm")}
        if not {"fedavg", "fedbuff", "ftte"} <= set(by_arm):
            continue
        fedavg, fedbuff, ftte = (by_arm[name] for name in ("fedavg", "fedbuff", "ftte"))
        finals = [100 * lines["final_accuracy"].median() for lines in (fedavg, fedbuff, ftte)]
        times = [typical(lines["time_share"]) for lines in (fedbuff, ftte)]
        heads = ("task", "alpha", "stragglers", "devices")
        rows.append(
            dict(zip(heads, map(_word, place), strict=True))
            | {
                "FedAvg's time, virtual s": f"{fedavg['time_to_target'].median():,.0f}",
                "FedBuff's share": percent(times[0]),
                "FTTE's share": percent(times[1]),
                "final: FedAvg, FedBuff, FTTE": ", ".join(f"{f:.1f}" for f in finals),
                "where FTTE loses": "; ".join(_losses(finals, times)),
            }
        )
    return rows


def _losses(finals: list[float], times: list[float]) -> Iterator[str]:
    """Yield where FTTE is slower, or ends lower, than FedBuff and FedAvg."""
    fedavg, fedbuff, ftte = finals
    if times[1] > times[0]:
        yield "slower than FedBuff"
    if times[1] > 1:
        yield "slower than FedAvg"
    for name, final in (("FedBuff", fedbuff), ("FedAvg", fedavg)):
        if ftte < final - _LOSS:
            yield f"{final - ftte:.1f} points below {name}"


def _word(value: object) -> str:
    return f"{100 * value:.0f} %" if isinstance(value, float) else str(value)


def parts(table: pd.DataFrame) -> list[dict[str, str]]:
    """Return the ablation: every arm against complete FTTE, on the same seeds."""
    part = table[table["part"] == "ablation"]
    complete = part[part["arm"] == "ftte"].set_index(["task", "seed"])
    rows = []
    for arm, lines in part.groupby("arm", sort=False):
        other = lines.set_index(["task", "seed"])
        final = 100 * (other["final_accuracy"] - complete["final_accuracy"]).dropna()
        rows.append(
            {
                "arm": pictures.arm_label(str(arm)),
                TIME: middle(other["time_share"], percent),
                FINAL: "–" if arm == "ftte" else middle(final, points),
                "worst tenth of clients, %": tenths(other["worst_decile_accuracy"].median()),
                "memory overhead, weakest device": percent(typical(other["overhead_share"])),
                "upload": percent(typical(other["upload_share"])),
                "devices left out": f"{other['devices_left_out'].median():.0f}",
            }
        )
    return rows


def rare(table: pd.DataFrame) -> list[dict[str, str]]:
    """Return each method as usual, and where the slowest devices hold a class.

    Medians on the same seeds, usual → then.
    """
    index = [*PLACE, "arm"]
    then = table[table["part"] == "rare"].set_index(index)
    usual = table[table["part"] != "rare"].drop_duplicates(index).set_index(index).loc[then.index]

    def both(column: str, arm: str, form: Form) -> str:
        return " → ".join(form(typical(t.xs(arm, level="arm")[column])) for t in (usual, then))

    return [
        {
            "arm": pictures.arm_label(arm),
            TIME: both("time_share", arm, percent),
            "final accuracy, %": both("final_accuracy", arm, tenths),
            "slowest tenth, %": both("straggler_accuracy", arm, tenths),
        }
        for arm in dict.fromkeys(map(str, then.index.get_level_values("arm")))
    ]


def memory() -> list[dict[str, str]]:
    """Return the training overhead, in every accounting, of the subsets that the search found."""
    return [
        _bill_row(matrix.Cell(name, *matrix.CENTRE, matrix.SEEDS[0]), kind)
        for name, task in matrix.TASKS.items()
        if task.present
        for kind in ACCOUNTINGS
    ]


def _bill_row(cell: matrix.Cell, kind: str) -> dict[str, str]:
    by_arm = arms.methods(cell)
    [full], tiers = (_tiers(by_arm[arm]) for arm in ("fedavg", "ftte"))
    everything, *bills = [
        training_bill(tier.plan.model, tier.plan.subset, by_arm["ftte"].batch, kind)
        for tier in (full, *tiers)
    ]
    kinds = [", ".join(tier.kinds) for tier in tiers]
    shares = [bill.overhead_bytes / everything.overhead_bytes for bill in bills]
    steps = [f"{who}: {b.peak_bytes / 1024:.0f} KiB" for who, b in zip(kinds, bills, strict=True)]
    return {
        "task": cell.task,
        "accounting": kind,
        "full step": f"{everything.peak_bytes / 1024:.0f} KiB",
        "of it inference": f"{everything.inference_peak_bytes / 1024:.0f} KiB",
        "FTTE's step": "; ".join(steps),
        "overhead, share of the full step's": "; ".join(map(percent, shares)),
    }


def _tiers(scenario: Scenario) -> tuple[Tier, ...]:
    return tuple(prepare(scenario).tiers.tiers)
