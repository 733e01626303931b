"""`make headline`: the authors' 81 / 80 / 69 %, looked for on our data, with all methods, and with what they cost.

    python -m benchmarks.study            the whole matrix, then HEADLINE.md, its table and its charts
    python -m benchmarks.study --seeds 306   some of its seeds; their lines replace the kept ones
    python -m benchmarks.study --quick    a corner of it, to see that everything works
    python -m benchmarks.study --tune     the server rates anew, on seeds that no table reports

Runs are kept in a folder as they come: what was killed goes on where it was.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.study import claims, matrix, pages
from benchmarks.study.matrix import Cell
from benchmarks.study.outcome import figures
from ftte_lab._common import configure_process, write_atomic
from ftte_lab.experiments import Sweep, sweep
from ftte_lab.simulation import Scenario

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "build" / "headline"
_SYNCHRONOUS_SHARE, _BUFFERED_SHARE = (
    1.0,
    0.25,
)  # of the horizon, over which a server rate is judged

_SETTINGS = (
    "server_rate",
    "max_updates",
    "evaluations",
)  # what sets a line apart from one of an earlier study
_PAUSE_S = 300.0  # longer than any run: nothing was running meanwhile

Arms = Iterable[tuple[str, Cell, Mapping[str, Scenario]]]


def arms(
    quick: bool = False, some: Iterable[int] = matrix.SEEDS
) -> list[tuple[str, Cell, dict[str, Scenario]]]:
    """What is run: part of the study, cell, and the arms there."""
    seeds: dict[int, list[tuple[str, Cell, dict[str, Scenario]]]] = {}
    for cell in matrix.cells(quick):
        chosen = matrix.tuned(matrix.methods(cell.base()), cell)
        seeds.setdefault(cell.seed, []).append(("matrix", cell, chosen))
    for part, cells, made in (
        ("ablation", matrix.centre, matrix.ablation),
        ("rare", matrix.rare, matrix.slowest_hold),
    ):
        for cell in cells(quick):
            seeds[cell.seed].append((part, cell, matrix.tuned(made(cell.base()), cell)))
    return [
        one for seed in some for one in seeds.get(seed, ())
    ]  # whole seeds first: half a study can be read


def results(study: Arms, done: Sweep) -> pd.DataFrame:
    """One row per run that succeeded: where, which arm, and its figures against FedAvg's in the same cell.

    `wall_s` is its part of the study's wall time, in seconds; missing where the same run stands in an earlier row.
    """
    rows, walls = [], wall_seconds(done.folder)
    here = {s.digest() for s, _ in done}
    for part, cell, chosen in study:
        base = matrix.tuned({"fedavg": cell.base().as_method("fedavg")}, cell)["fedavg"]
        if base.digest() not in here:
            continue
        fedavg = done.history(base)
        for name, scenario in chosen.items():
            if scenario.digest() in here:
                where = _line(part, name, cell, scenario)
                wall = {"wall_s": walls.pop(scenario.digest(), math.nan)}
                rows.append(where | figures(done.history(scenario), fedavg) | wall)
    return pd.DataFrame(rows)


def _line(part: str, name: str, cell: Cell, scenario: Scenario) -> dict[str, Any]:
    return {"part": part, "arm": name, **vars(cell)} | {
        key: getattr(scenario, key) for key in _SETTINGS
    }


def wall_seconds(folder: Path) -> dict[str, float]:
    """From the end of the run before to its own, for every run kept there, by digest; 0 after a pause.

    With several processes this is no run's own duration, but the sum over a study is what the study took.
    """
    ends = sorted((path.stat().st_mtime, path.stem) for path in folder.glob("*.json"))
    gaps = {stem: at - before for (before, _), (at, stem) in itertools.pairwise([*ends[:1], *ends])}
    return {stem: gap if gap < _PAUSE_S else 0.0 for stem, gap in gaps.items()}


def replaced(kept: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The kept lines with those of the table's seeds in place of their own, seed after seed."""
    others = kept[~kept["seed"].isin(table["seed"])]
    return pd.concat([others, table]).sort_values("seed", kind="stable", ignore_index=True)


def strangers(kept: pd.DataFrame, seeds: Iterable[int]) -> list[int]:
    """Those of the seeds whose kept lines are not the ones that this study would make.

    Tasks in the central cell alone do not count: their data are not everywhere.
    """
    seeds = sorted(seeds)
    if not seeds:
        return []
    today = pd.DataFrame(
        [_line(p, n, cell, s) for p, cell, some in arms(some=seeds) for n, s in some.items()]
    )
    whole = [name for name, task in matrix.TASKS.items() if task.whole]
    ours, theirs = (
        {
            seed: set(lines.itertuples(index=False, name=None))
            for seed, lines in rows.fillna(-1).groupby("seed")
        }
        for rows in (t[t["task"].isin(whole)].reindex(columns=today.columns) for t in (today, kept))
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
    """Run what has not run yet; the tidy table of results, and the runs."""
    chosen = arms(quick, seeds)
    todo = (s for _, _, some in chosen for s in some.values())
    done = sweep(todo, folder, executor=executor, processes=processes, retry=True)
    return results(chosen, done), done


def tune(folder: Path, processes: int | None = None) -> dict[str, dict[str, float]]:
    """The best server rate of every arm, by cell: mean accuracy over the time in which it learns."""
    jobs = [
        (cell, name, rate, scenario.replace(server_rate=rate))
        for cell, some in matrix.tuning()
        for name, scenario in some.items()
        for rate in matrix.grid(name)
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
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.study", description=__doc__.split("\n")[0]
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
        "--tune", action="store_true", help="find the server rates anew, and keep them"
    )
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="where runs are kept (default: build/headline)"
    )
    parser.add_argument(
        "--processes", type=int, default=None, help="how many run at once (default: all cores)"
    )
    chosen = parser.parse_args()
    if chosen.tune:
        rates = tune(chosen.folder / "tuning", chosen.processes)
        write_atomic(matrix.RATES, (json.dumps(rates, indent=1) + "\n").encode())
        print(f"{matrix.RATES.name}: {sum(map(len, rates.values()))} server rates")
        return
    seeds = sorted(set(chosen.seeds or matrix.SEEDS))
    if chosen.seeds and (others := strangers(pages.read(), set(matrix.SEEDS) - set(seeds))):
        names = ", ".join(map(str, others))
        parser.error(
            f"headline.csv holds lines of seeds {names} from another study: run these seeds, too, or all"
        )
    kept = chosen.folder / ("quick" if chosen.quick else "runs")
    table, done = study(kept, quick=chosen.quick, seeds=seeds, processes=chosen.processes)
    if done.failures:
        parser.exit(
            1,
            "".join(
                f"failed: {f.scenario.method}, seed {f.scenario.seed}: {f.error}\n"
                for f in done.failures
            ),
        )
    if chosen.quick:
        print(pages.overview(table))
        return
    pages.write(replaced(pages.read(), table) if chosen.seeds else table, HERE)
    for name in claims.PLACES:
        path = HERE.parents[1] / name
        write_atomic(path, claims.put_claims(name, path.read_text(), pages.read()).encode())
    print(f"{HERE / 'HEADLINE.md'}: {len(done.scenarios)} runs")
