"""Run the study: every method with every lever, on fleets of all kinds, and write its page.

    python -m benchmarks.study                        everything that is missing, then the pages
    python -m benchmarks.study --parts matrix,real    some parts; the other lines stay as kept
    python -m benchmarks.study --seeds 331 332        some seeds
    python -m benchmarks.study --quick                a corner of each part, to see that it works
    python -m benchmarks.study --tune                 search the server rates, on seeds of their own
    python -m benchmarks.study --merge FILE ...       add lines that another machine has made

Jobs are kept in a folder as they come: a study that was killed goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from benchmarks.study import cost, rates, results
from benchmarks.study.jobs import Job, Results, run_jobs
from benchmarks.study.plan import PARTS, Runs, plan, untuned
from ftte_lab._common import FileTroubleError, changing, configure_process, cores

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "study"


def jobs_of(planned: Iterable[Runs]) -> dict[str, list[Job]]:
    """Return what is computed, by part; cells without their data are left out."""
    by_part: dict[str, list[Job]] = {}
    for runs in planned:
        own = by_part.setdefault(runs.part, [])
        if runs.cell.of.present:
            own += [Job("run", scenario) for scenario in runs.needed]
            if runs.central is not None:
                own.append(Job("central", runs.central))
    return by_part


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study and write its page."""
    configure_process()
    parser = _parser()
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.parts) - set(PARTS))
    if unknown:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    try:
        if chosen.merge:
            _keep([results.read(path) for path in chosen.merge], chosen)
        elif chosen.tune:
            _tune(chosen, parser)
        else:
            _study(chosen, parser)
    except FileTroubleError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")


def _study(chosen: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Compute what is missing, and keep its lines."""
    planned = plan(chosen.parts, chosen.seeds, chosen.quick)
    if missing := untuned(planned):
        parser.error(f"no server rate of {', '.join(missing)}: run --tune first")
    folder = chosen.folder / ("quick" if chosen.quick else "jobs")
    by_part = jobs_of(planned)
    _run(by_part, folder, chosen, parser)
    table = results.lines(planned, Results(folder))
    if chosen.quick:
        chosen.results = chosen.folder / "quick.csv"
        results.write(table, chosen.results)
        _page(chosen, table, planned)
    else:
        _keep([table], chosen)


def _tune(chosen: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Find the server rates of some parts' arms, and keep them."""
    trials = {part: list(rates.trials([part])) for part in chosen.parts}
    by_part = {part: [Job("run", t.scenario) for t in some] for part, some in trials.items()}
    folder = chosen.folder / "tuning"
    _run(by_part, folder, chosen, parser)
    found = Results(folder)
    for part, some in trials.items():
        left = sum(not found.has(trial.scenario) for trial in some)
        if left:
            print(f"{part}: {left} trials are left; run this again")
            continue
        judged = [(trial, trial.score(found.history(trial.scenario))) for trial in some]
        print(f"{part}: {rates.RATES.name} holds {rates.keep(rates.best(judged))} server rates")


def _run(
    by_part: dict[str, list[Job]],
    folder: Path,
    chosen: argparse.Namespace,
    parser: argparse.ArgumentParser,
) -> None:
    """Say what is left and how long it takes; compute it, the longest of a part first."""
    processes = chosen.jobs or cores()
    todo = {
        part: sorted(
            (job for job in dict.fromkeys(some) if not job.is_done(folder)),
            key=cost.core_seconds,
            reverse=True,
        )
        for part, some in by_part.items()
    }
    print(cost.estimate(todo, processes), flush=True)
    if chosen.estimate:
        parser.exit()
    jobs = [job for some in todo.values() for job in some]
    outcome = run_jobs(jobs, folder, processes, chosen.stop_after)
    for failure in outcome.failures:
        print(f"failed: {failure}", file=sys.stderr)
    if outcome.left:
        print(f"{outcome.left} jobs are left: run this again", file=sys.stderr)


def _keep(tables: list[pd.DataFrame], chosen: argparse.Namespace) -> None:
    """Put lines beside those that are kept, and write the page from all of them."""
    whole = plan()
    with changing(chosen.results):  # another part of the study may end in the same moment
        table = results.merged([results.read(chosen.results), *tables], whole)
        results.write(table, chosen.results)
    left = results.missing(table, whole)
    print(f"{chosen.results}: {len(table)} lines, {left} are missing")
    _page(chosen, results.read(chosen.results), whole)


def _page(chosen: argparse.Namespace, table: pd.DataFrame, planned: Sequence[Runs]) -> None:
    """Write page and charts, and the claims of other pages once the study is complete."""
    if chosen.no_page:
        return
    from benchmarks.study import pages  # charts need what a compute node may lack

    if chosen.quick:
        pages.write(table, chosen.folder)
        return
    pages.write(table)
    complete = results.missing(table, planned) == 0
    if complete and chosen.results == results.KEPT:
        pages.publish(table)
    else:
        print("README.md and docs/results.md stay: the study is not complete")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.study", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--quick", action="store_true", help="a corner of each part; not to quote")
    what.add_argument("--tune", action="store_true", help="search the server rates, and keep them")
    what.add_argument("--merge", type=Path, nargs="+", help="add the lines of these files")
    names = ",".join(PARTS)
    add(
        "--parts",
        type=lambda text: text.split(","),
        default=list(PARTS),
        help=f"which of {names} (default: all)",
    )
    add("--seeds", type=int, nargs="+", default=None, help="only these (default: all)")
    add("--jobs", type=int, default=None, help="processes at once (default: all cores)")
    add("--folder", type=Path, default=FOLDER, help="of the jobs (default: build/study)")
    add("--results", type=Path, default=results.KEPT, help="file of the lines (default: study.csv)")
    add("--no-page", action="store_true", help="write the lines alone")
    add("--estimate", action="store_true", help="only say how long it would take")
    add("--stop-after", type=float, default=None, help="seconds until no further job begins")
    return parser
