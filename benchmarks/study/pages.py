"""The study in words and tables: `HEADLINE.md`, its tidy results beside it, and a short table for the screen."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.markdown import table as markdown
from benchmarks.study import matrix, pictures
from ftte_lab._common import cores, write_atomic
from ftte_lab.devices import ACCOUNTINGS, training_bill
from ftte_lab.simulation import Scenario, prepare

HARD = 0.9  # the authors' share of stragglers


def typical(values: pd.Series) -> float:
    """The median; infinite where one of two middle runs did not arrive."""
    return float(values.median())


def middle(values: pd.Series, form: Callable[[float], str]) -> str:
    """Median, and the middle half of the runs; "not reached" where the median run did not."""
    (low, high), mid = (
        np.quantile(values.to_numpy(float), [0.25, 0.75], method="nearest"),
        typical(values),
    )
    return f"{form(mid)} ({form(low)} to {form(high)})" if low != high else form(mid)


def percent(value: float) -> str:
    """A share as people read it."""
    return "not reached" if math.isinf(value) else f"{100 * value:.0f} %"


def points(value: float) -> str:
    """A difference in percentage points."""
    return f"{round(value, 1) + 0.0:+.1f}"  # no minus before a nought


def whole_tasks(table: pd.DataFrame, stragglers: float) -> pd.DataFrame:
    """The matrix at one share of stragglers, without the tasks that run in its central cell alone."""
    once = [name for name, task in matrix.TASKS.items() if not task.whole]
    return table[
        (table["part"] == "matrix")
        & (table["stragglers"] == stragglers)
        & ~table["task"].isin(once)
    ]


def overview(table: pd.DataFrame, stragglers: float = HARD) -> str:
    """One row per method at one share of stragglers."""
    part = whole_tasks(table, stragglers)
    return markdown([_line(str(arm), rows) for arm, rows in part.groupby("arm", sort=False)])


def _line(arm: str, rows: pd.DataFrame) -> dict[str, str]:
    time = rows["time_share"]
    usual = typical(time)
    return {
        "arm": pictures.arm_label(arm),
        "runs that reached the target": f"{int(np.isfinite(time).sum())} of {len(rows)}",
        TIME: middle(time, percent),
        "time saved": "–"
        if arm == "fedavg"
        else percent(1 - usual)
        if math.isfinite(usual)
        else "–",
        "speed gained": "–"
        if arm == "fedavg"
        else percent(1 / usual - 1)
        if math.isfinite(usual)
        else "–",
        "final accuracy, points over FedAvg's": middle(rows["final_against_fedavg"], points),
        "levelled off": percent(float(rows["levelled_off"].mean())),
        "slowest tenth, %": f"{100 * rows['straggler_accuracy'].median():.1f}",
        "worst tenth of clients, %": f"{100 * rows['worst_decile_accuracy'].median():.1f}",
        "memory overhead, weakest device": percent(typical(rows["overhead_share"])),
        "fleet's mean": percent(typical(rows["mean_overhead_share"])),
        "upload": percent(typical(rows["upload_share"])),
        "download": percent(typical(rows["download_share"])),
        "downloaded once, KiB": f"{rows['first_download_bytes'].median() / 1024:.0f}",
        "energy to target": middle(rows["energy_share"], percent),
        "all bytes to target": middle(rows["bytes_share"], percent),
    }


def bar(table: pd.DataFrame) -> list[dict[str, str]]:
    """The authors' figures, beside ours over all cells with 90 % stragglers."""
    part = whole_tasks(table, HARD)
    ftte, fedbuff = (part[part["arm"] == arm].set_index(PLACE) for arm in ("ftte", "fedbuff"))
    against = 100 * (ftte["final_accuracy"] - fedbuff["final_accuracy"]).dropna()
    time, above = ftte["time_share"], ftte["final_against_fedavg"]
    by_size = [typical(times) for _, times in time.groupby(level="clients")]
    memory, upload = typical(ftte["overhead_share"]), float(ftte["upload_share"].max())
    rows = [
        (
            "time to target, of FedAvg's",
            "at most 19 %",
            middle(time, percent),
            typical(time) <= 0.19,
        ),
        (
            "training overhead, weakest device",
            "at most 20 %",
            percent(memory),
            round(memory, 2) <= 0.20,
        ),
        (
            "upload per update, the largest",
            "at most 31 %",
            percent(upload),
            round(upload, 2) <= 0.31,
        ),
        (
            "final accuracy, points over FedAvg's",
            "-2 or more",
            middle(above, points),
            typical(above) >= -2,
        ),
        (
            "final accuracy, points over FedBuff's",
            "0 or more",
            middle(against, points),
            typical(against) >= 0,
        ),
        (
            "time, with more devices",
            "falls",
            " → ".join(map(percent, by_size)),
            by_size[-1] < by_size[0],
        ),
    ]
    return [
        {"figure": a, "bar": b, "ours": c, "reached": "yes" if d else "**no**"}
        for a, b, c, d in rows
    ]


TIME, FINAL = "time, share of FedAvg's", "final accuracy, points over FTTE's"
PLACE = ["task", "alpha", "stragglers", "clients", "seed"]


def by_cell(table: pd.DataFrame) -> list[dict[str, str]]:
    """Medians over the seeds, cell by cell: where it wins, and where not."""
    part = table[table["part"] == "matrix"]
    rows = []
    for place, cell in part.groupby(PLACE[:-1], sort=False):
        arms = {str(arm): lines for arm, lines in cell.groupby("arm")}
        if not {"fedavg", "fedbuff", "ftte"} <= set(arms):
            continue
        ftte, fedbuff, fedavg = arms["ftte"], arms["fedbuff"], arms["fedavg"]
        finals = [100 * a["final_accuracy"].median() for a in (fedavg, fedbuff, ftte)]
        times = [typical(a["time_share"]) for a in (fedbuff, ftte)]
        lost = [
            *(["slower than FedBuff"] if times[1] > times[0] else []),
            *(["slower than FedAvg"] if times[1] > 1 else []),
            *(
                [f"{finals[1] - finals[2]:.1f} points below FedBuff"]
                if finals[2] < finals[1] - 0.5
                else []
            ),
            *(
                [f"{finals[0] - finals[2]:.1f} points below FedAvg"]
                if finals[2] < finals[0] - 0.5
                else []
            ),
        ]
        rows.append(
            dict(zip(("task", "alpha", "stragglers", "devices"), map(_word, place), strict=True))
            | {
                "FedAvg's time, virtual s": f"{fedavg['time_to_target'].median():,.0f}",
                "FedBuff's share": percent(times[0]),
                "FTTE's share": percent(times[1]),
                "final: FedAvg, FedBuff, FTTE": ", ".join(f"{f:.1f}" for f in finals),
                "where FTTE loses": "; ".join(lost),
            }
        )
    return rows


def _word(value: object) -> str:
    return f"{100 * value:.0f} %" if isinstance(value, float) else str(value)


def parts(table: pd.DataFrame) -> list[dict[str, str]]:
    """The ablation: every arm against the whole method, on the same seeds."""
    part = table[table["part"] == "ablation"]
    whole = part[part["arm"] == "ftte"].set_index(["task", "seed"])
    rows = []
    for arm, lines in part.groupby("arm", sort=False):
        other = lines.set_index(["task", "seed"])
        final = 100 * (other["final_accuracy"] - whole["final_accuracy"]).dropna()
        rows.append(
            {
                "arm": pictures.arm_label(str(arm)),
                TIME: middle(other["time_share"], percent),
                FINAL: "–" if arm == "ftte" else middle(final, points),
                "worst tenth of clients, %": f"{100 * other['worst_decile_accuracy'].median():.1f}",
                "memory overhead, weakest device": percent(typical(other["overhead_share"])),
                "upload": percent(typical(other["upload_share"])),
                "devices left out": f"{other['devices_left_out'].median():.0f}",
            }
        )
    return rows


def rare(table: pd.DataFrame) -> list[dict[str, str]]:
    """Each method before, and where the slowest devices hold a class: medians on the same seeds, before → then."""
    index = [*PLACE, "arm"]
    then = table[table["part"] == "rare"].set_index(index)
    before = table[table["part"] != "rare"].drop_duplicates(index).set_index(index).loc[then.index]

    def both(column: str, arm: str, form: Callable[[float], str]) -> str:
        return " → ".join(form(typical(t.xs(arm, level="arm")[column])) for t in (before, then))

    return [
        {
            "arm": pictures.arm_label(arm),
            TIME: both("time_share", arm, percent),
            "final accuracy, %": both("final_accuracy", arm, _tenths),
            "slowest tenth, %": both("straggler_accuracy", arm, _tenths),
        }
        for arm in dict.fromkeys(map(str, then.index.get_level_values("arm")))
    ]


def _tenths(value: float) -> str:
    return f"{100 * value:.1f}"


def memory() -> Iterator[dict[str, str]]:
    """Training overhead in every accounting, of the subsets that the search found."""
    for name, task in matrix.TASKS.items():
        if task.present:
            base = matrix.Cell(name, *matrix.CENTRE, matrix.SEEDS[0]).base()
            yield from (_bill_row(name, base, kind) for kind in ACCOUNTINGS)


def _bill_row(name: str, base: Scenario, kind: str) -> dict[str, str]:
    by_arm = matrix.methods(base)
    full, *ours = [tier for arm in ("fedavg", "ftte") for tier in prepare(by_arm[arm]).tiers.all]
    whole, *bills = [
        training_bill(tier.plan.model, tier.plan.subset, base.batch, kind) for tier in (full, *ours)
    ]
    kinds = [", ".join(tier.kinds) for tier in ours]
    shares = [b.overhead_bytes / whole.overhead_bytes for b in bills]
    steps = [f"{who}: {b.peak_bytes / 1024:.0f} KiB" for who, b in zip(kinds, bills, strict=True)]
    return {
        "task": name,
        "accounting": kind,
        "full step": f"{whole.peak_bytes / 1024:.0f} KiB",
        "of it inference": f"{whole.inference_peak_bytes / 1024:.0f} KiB",
        "FTTE's step": "; ".join(steps),
        "overhead, share of the full step's": "; ".join(map(percent, shares)),
    }


def read(home: Path = Path(__file__).parent) -> pd.DataFrame:
    """The kept results of the last whole study: every number of the page can be had from them."""
    table: pd.DataFrame = pd.read_csv(home / "headline.csv", dtype={"alpha": str})
    return table


def write(table: pd.DataFrame, home: Path) -> None:
    """The tidy results; and from what was kept the page and its charts."""
    write_atomic(home / "headline.csv", table.to_csv(index=False, float_format="%.6g").encode())
    table = read(home)
    pictures.draw(table, home)
    machine = f"{cores()} cores ({platform.machine()}), Python {platform.python_version()}, torch {torch.__version__}"
    text = _PAGE.format(
        seeds=", ".join(map(str, matrix.SEEDS)),
        tuning=", ".join(map(str, matrix.TUNING_SEEDS)),
        runs=f"{table['wall_s'].count():,}",
        minutes=f"{table['wall_s'].sum() / 60:.0f}",
        machine=machine,
        overview=overview(table),
        bar=markdown(bar(table)),
        cells=markdown(by_cell(table)),
        parts=markdown(parts(table)),
        rare=markdown(rare(table)),
        memory=markdown(list(memory())),
        devices=_and(f"{n}" for n in matrix.CLIENTS),
        buffers=_and(f"{matrix.BUFFERS[n]}" for n in matrix.CLIENTS),
        updates=_and(f"{matrix.UPDATES[n][0]:,}" for n in matrix.CLIENTS),
        part_updates=_and(f"{matrix.UPDATES[n][1]:,}" for n in matrix.CLIENTS),
        ftte_updates=_and(f"{matrix.UPDATES[n][2]:,}" for n in matrix.CLIENTS),
        centre_seeds=", ".join(map(str, matrix.CENTRE_SEEDS)),
        horizons=_and(
            f"{t.horizon_s:,.0f} for {name}" for name, t in matrix.TASKS.items() if t.whole
        ),
        more="\n\n".join(
            f"### {100 * s:.0f} % stragglers\n\n{overview(table, s)}"
            for s in sorted(set(table["stragglers"]) - {HARD}, reverse=True)
        ),
    )
    write_atomic(home / "HEADLINE.md", text.encode())


def _and(words: Iterable[str]) -> str:
    return " and ".join(words)


_PAGE = Path(__file__).with_name("page.md").read_text()
