"""Run the headline study: the authors' 81 / 80 / 69 % on our data, for every method.

    python -m benchmarks.study.first               the entire matrix, then the page and its charts
    python -m benchmarks.study.first --seeds 306   some seeds; their lines replace the kept ones
    python -m benchmarks.study.first --quick       a corner of it, to see that everything works
    python -m benchmarks.study.first --tune        search the server rates, on other seeds

Runs are kept in a folder as they come: a study that was killed goes on where it was.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.study.first import arms, claims, matrix, pages, tables
from benchmarks.study.first.matrix import Cell
from benchmarks.study.first.outcome import figures
from ftte_lab._common import configure_process, write_atomic
from ftte_lab.experiments import Sweep, sweep
from ftte_lab.simulation import Scenario

HERE = Path(__file__).parents[1]
ROOT = HERE.parents[1]
FOLDER = ROOT / "build" / "headline"

# Shares of the horizon over which a server rate is judged.
_SYNCHRONOUS_SHARE = 1.0
_BUFFERED_SHARE = 0.25
# What sets a line apart from one of an earlier study.
_SETTINGS = ("server_rate", "max_updates", "evaluations")
# Longer than any run: nothing was running meanwhile.
_PAUSE_S = 300.0


@dataclass(frozen=True)
class Runs:
    """Hold the runs of one cell in one part of the study, by arm."""

    part: str
    cell: Cell
    scenarios: Mapping[str, Scenario]


_PARTS = (
    ("matrix", matrix.cells, arms.methods),
    ("ablation", matrix.centre, arms.ablation),
    ("rare", matrix.rare, arms.slowest_hold),
)


def plan(quick: bool = False, seeds: Iterable[int] = matrix.SEEDS) -> list[Runs]:
    """Return what is run, one seed after the other: half a study can then be read.

    Args:
        quick: the small corner.
        seeds: which seeds, in this order.
    """
    everything = _all_runs(quick)
    return [runs for seed in seeds for runs in everything if runs.cell.seed == seed]


@cache
def _all_runs(quick: bool) -> tuple[Runs, ...]:
    return tuple(
        Runs(part, cell, arms.tuned(of_cell(cell), cell))
        for part, cells, of_cell in _PARTS
        for cell in cells(quick)
    )


def results(planned: Iterable[Runs], done: Sweep) -> pd.DataFrame:
    """Return one row per run that succeeded: cell, arm, and its figures against FedAvg's there.

    `wall_s` is its part of the study's wall time, in seconds. It is missing where the same run
    stands in an earlier row.
    """
    rows, walls = [], wall_seconds(done.folder)
    here = {scenario.digest() for scenario, _ in done}
    for runs in planned:
        base = arms.tuned({"fedavg": runs.cell.shared().as_method("fedavg")}, runs.cell)["fedavg"]
        if base.digest() not in here:
            continue
        fedavg = done.history(base)
        for name, scenario in runs.scenarios.items():
            if scenario.digest() in here:
                wall = {"wall_s": walls.pop(scenario.digest(), math.nan)}
                measured = figures(done.history(scenario), fedavg)
                rows.append(_settings(runs, name) | measured | wall)
    return pd.DataFrame(rows)


def _settings(runs: Runs, arm: str) -> dict[str, Any]:
    """Return the columns that say what ran."""
    scenario = runs.scenarios[arm]
    settings = {name: getattr(scenario, name) for name in _SETTINGS}
    return {"part": runs.part, "arm": arm, **vars(runs.cell), **settings}


def wall_seconds(folder: Path) -> dict[str, float]:
    """Return the seconds from the end of the run before to a run's own end, by digest.

    It is 0 after a pause. With several processes this is not the duration of a run, but the sum
    over a study is what the study took.
    """
    ends = sorted((path.stat().st_mtime, path.stem) for path in folder.glob("*.json"))
    gaps = {stem: at - before for (before, _), (at, stem) in itertools.pairwise([*ends[:1], *ends])}
    return {stem: gap if gap < _PAUSE_S else 0.0 for stem, gap in gaps.items()}


def replaced(kept: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the kept lines, with the table's lines in place of those of the same seeds."""
    others = kept[~kept["seed"].isin(table["seed"])]
    return pd.concat([others, table]).sort_values("seed", kind="stable", ignore_index=True)


def strangers(kept: pd.DataFrame, seeds: Iterable[int]) -> list[int]:
    """Return the seeds whose kept lines are not the ones that this study would make.

    Tasks in the central cell alone do not count: not everybody has their data.
    """
    seeds = sorted(seeds)
    if not seeds:
        return []
    today = pd.DataFrame(
        [_settings(runs, arm) for runs in plan(seeds=seeds) for arm in runs.scenarios]
    )
    tasks = [name for name, task in matrix.TASKS.items() if task.everywhere]
    ours, theirs = (
        {
            seed: set(lines.itertuples(index=False, name=None))
            for seed, lines in rows.fillna(-1).groupby("seed")
        }
        for rows in (t[t["task"].isin(tasks)].reindex(columns=today.columns) for t in (today, kept))
    )
    return [seed for seed in seeds if ours[seed] != theirs.get(seed)]


def study(
    folder: Path,
    *,
    quick: bool = False,
    seeds: Iterable[int] = matrix.SEEDS,
    executor: Executor | None = None,
    processes: int | None = None,
) -> tuple[pd.DataFrame, Sweep]:
    """Run what has not run yet; return the tidy table of results, and the runs.

    Args:
        folder: where runs are kept.
        quick: the small corner.
        seeds: which seeds.
        executor: who runs them; `None`: processes of this machine.
        processes: how many run at once; `None`: as many as there are cores.
    """
    planned = plan(quick, seeds)
    todo = (scenario for runs in planned for scenario in runs.scenarios.values())
    done = sweep(todo, folder, executor=executor, processes=processes, retry=True)
    return results(planned, done), done


def tune(folder: Path, processes: int | None = None) -> dict[str, dict[str, float]]:
    """Return the best server rate of every arm, by cell.

    A rate is judged by the mean accuracy over the time in which the method learns.
    """
    jobs = [
        (cell, name, rate, scenario.replace(server_rate=rate))
        for cell, some in arms.tuning()
        for name, scenario in some.items()
        for rate in arms.grid(name)
    ]
    done = sweep((s for *_, s in jobs), folder, processes=processes)
    scores: dict[tuple[str, str], dict[float, list[float]]] = {}
    for cell, name, rate, scenario in jobs:
        share = _SYNCHRONOUS_SHARE if scenario.refill == "step" else _BUFFERED_SHARE
        score = done.history(scenario).level(share * scenario.horizon_s)
        scores.setdefault((cell.key, name), {}).setdefault(rate, []).append(score)
    rates: dict[str, dict[str, float]] = {}
    for (key, name), by_rate in scores.items():
        rates.setdefault(key, {})[name] = max(sorted(by_rate), key=lambda rate: sum(by_rate[rate]))
    return rates


def main() -> None:
    """Run the study and write its page."""
    configure_process()
    parser = _parser()
    chosen = parser.parse_args()
    if chosen.tune:
        rates = tune(chosen.folder / "tuning", chosen.processes)
        write_atomic(arms.RATES, (json.dumps(rates, indent=1) + "\n").encode())
        print(f"{arms.RATES.name}: {sum(map(len, rates.values()))} server rates")
        return
    seeds = sorted(set(chosen.seeds or matrix.SEEDS))
    if chosen.seeds and (others := strangers(pages.read(), set(matrix.SEEDS) - set(seeds))):
        names = ", ".join(map(str, others))
        parser.error(
            f"headline.csv holds lines of seeds {names} from another study: "
            "run these seeds, too, or all"
        )
    kept = chosen.folder / ("quick" if chosen.quick else "runs")
    table, done = study(kept, quick=chosen.quick, seeds=seeds, processes=chosen.processes)
    if done.failures:
        failed = (f"{f.scenario.method}, seed {f.scenario.seed}: {f.error}" for f in done.failures)
        parser.exit(1, "".join(f"failed: {line}\n" for line in failed))
    if chosen.quick:
        print(tables.overview(table))
        return
    publish(replaced(pages.read(), table) if chosen.seeds else table)
    print(f"{HERE / 'HEADLINE.md'}: {len(done.scenarios)} runs")


def publish(table: pd.DataFrame) -> None:
    """Write the page, and the claims of the documents that quote it."""
    pages.write(table, HERE)
    for name in claims.PLACES:
        path = ROOT / name
        text = path.read_text(encoding="utf-8")
        write_atomic(path, claims.put_claims(name, text, pages.read()).encode())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.study.first", description=(__doc__ or "").split("\n")[0]
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--quick",
        action="store_true",
        help="a corner of the matrix: to see that it works, not to quote",
    )
    what.add_argument(
        "--seeds", type=int, nargs="+", choices=matrix.SEEDS, help="only these; the rest as kept"
    )
    what.add_argument(
        "--tune", action="store_true", help="search the server rates again, and keep them"
    )
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="where runs are kept (default: build/headline)"
    )
    parser.add_argument(
        "--processes", type=int, default=None, help="how many run at once (default: all cores)"
    )
    return parser
