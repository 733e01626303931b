"""Test the tests: change the code in many small ways, and see whether they notice.

    python -m tests.mutants server               every mutant of a package
    python -m tests.mutants server --sample 300  some, drawn at random: minutes instead of hours
    python -m tests.mutants server --again       those that survived or ran out of time, once more

A mutant is the code with one small change, such as `<` in the place of `<=`. It is killed if a test
of the package's own room fails. Verdicts are kept under `build/mutants`, so a run that was stopped
goes on where it was; a file that was changed is judged again. Survivors are written to
`build/mutants/<package>/survivors.txt`, each as a difference, to be read one by one.

The library is mutmut, which `make mutants` installs. It needs a system with `fork`.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "mutants"
PACKAGES = ("server", "devices", "models", "training", "simulation")
NOT_JUDGED = "not checked"
NOTICED = ("killed", "timeout", "segfault")
"""A change after which the tests do not end, or the process dies, is noticed."""
SURVIVED = ("survived", "no tests", "suspicious")

_CONFIG = """
[tool.mutmut]
source_paths = ["ftte_lab"]
only_mutate = ["ftte_lab/{package}/*"]
also_copy = ["data", "docs", "notebooks"]
pytest_add_cli_args_test_selection = ["tests/{package}"]
pytest_add_cli_args = ["-n0", "-m", "not slow", "-p", "no:cacheprovider", "-W", "ignore", \
"--hypothesis-profile=mutants"]
timeout_multiplier = 4.0
timeout_constant = 2.0
use_git_change_detection = false
"""
_MUTMUT = """
import sys
from mutmut.__main__ import cli
from mutmut.runners.harness import PytestRunner
from mutmut.workers import isolation
by_the_clock, run_tests = isolation.register_timeout, PytestRunner.run_tests
def run_anew(runner, **given):
    for name, module in list(sys.modules.items()):
        for value in list(vars(module).values()) if name.startswith("ftte_lab") else ():
            getattr(value, "cache_clear", bool)()
    return run_tests(runner, **given)
PytestRunner.run_tests = run_anew
isolation.register_timeout = lambda pid, timeout_s: by_the_clock(pid, timeout_s + 300)
cli()"""
"""Mutants are judged in forks of a process that has run all tests: so its caches are emptied first.
A busy machine must not give a verdict, so the limit is time on the processor (`setrlimit`). The
clock on the wall ends only what sleeps."""
_MAKE = """
from pathlib import Path
from mutmut.__main__ import copy_also_copy_files, copy_src_dir, create_mutants
Path("mutants").mkdir(exist_ok=True)
copy_src_dir()
copy_also_copy_files()
create_mutants(2)"""
_SHOW = """
import sys
from mutmut.mutation.diff_apply import find_mutant, get_diff_for_mutant
for name in sys.argv[1:]:
    print(f"# {name}", get_diff_for_mutant(name, path=find_mutant(name).path), sep="\\n")"""
_LEAVE = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "browser", "cache")


@dataclass(frozen=True)
class Verdicts:
    """Hold what became of the mutants of a package.

    Attributes:
        status: by name of the mutant.
    """

    status: dict[str, str]

    @classmethod
    def read(cls, place: Path) -> Verdicts:
        """Read what is kept in a package's folder."""
        from mutmut.stats import status_by_exit_code

        found = {}
        for path in sorted((place / "mutants" / "ftte_lab").rglob("*.meta")):
            for name, code in json.loads(path.read_text())["exit_code_by_key"].items():
                found[name] = status_by_exit_code[code]
        return cls(found)

    def named(self, *statuses: str) -> list[str]:
        """Return the mutants of some statuses."""
        return [name for name, status in self.status.items() if status in statuses]

    def line(self, package: str) -> str:
        """Return a row of a table: how many were judged and noticed, with an interval."""
        counts = Counter(self.status.values())
        judged = len(self.status) - counts[NOT_JUDGED]
        noticed = sum(counts[status] for status in NOTICED)
        low, high = interval(noticed, judged)
        share = f"{100 * noticed / judged:.1f} %" if judged else "–"
        if 0 < judged < len(self.status):
            share += f" ({100 * low:.0f} to {100 * high:.0f})"
        left = counts["survived"], counts["no tests"], counts["suspicious"]
        cells = (package, f"{len(self.status):,}", f"{judged:,}", share, *map(str, left))
        return "| " + " | ".join(cells) + " |"


def interval(hits: int, draws: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share that was found by drawing."""
    if not draws:
        return 0.0, 1.0
    z, share = 1.96, hits / draws
    middle = share + z * z / (2 * draws)
    half = z * math.sqrt(share * (1 - share) / draws + z * z / (4 * draws * draws))
    return (middle - half) / (1 + z * z / draws), (middle + half) / (1 + z * z / draws)


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the mutants of some packages, and print a row for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("packages", nargs="*", default=[], help=f"of {', '.join(PACKAGES)}")
    parser.add_argument("--sample", type=int, help="how many at most, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--again", action="store_true", help="judge those not killed once more")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once (2)")
    parser.add_argument("--report", action="store_true", help="only print what is known")
    chosen = parser.parse_args(arguments)
    if unknown := sorted(set(chosen.packages) - set(PACKAGES)):
        parser.error(f"no package {', '.join(unknown)}; allowed: {', '.join(PACKAGES)}")
    rows = []
    for package in chosen.packages or PACKAGES:
        if not chosen.report:
            judge(package, chosen)
        found = Verdicts.read(WORK / package)
        write_survivors(package, found)
        rows.append(found.line(package))
    print("| package | mutants | judged | noticed | survived | without a test | unclear |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    print("\n".join(rows))
    return 0


def judge(package: str, chosen: argparse.Namespace) -> None:
    """Judge what has no verdict yet, or a draw from it, or the survivors once more."""
    place = prepare(package)
    names: list[str] = []
    if chosen.again or chosen.sample:
        _python(place, _MAKE)
        found = Verdicts.read(place)
        names = found.named(*SURVIVED, "timeout") if chosen.again else []
        if chosen.sample:
            fresh = sorted(found.named(NOT_JUDGED))
            draw = random.Random(f"{package} {chosen.seed}")  # noqa: S311  # not a secret
            draw.shuffle(fresh)
            names += fresh[: chosen.sample]
        if not names:
            return
    _python(place, _MUTMUT, "run", "--max-children", str(chosen.jobs), *names)


def prepare(package: str) -> Path:
    """Copy the checkout beside itself; a file that was not changed keeps its time."""
    place = WORK / package
    for part in ("ftte_lab", "tests", "data", "docs", "notebooks"):
        shutil.copytree(ROOT / part, place / part, ignore=_LEAVE, dirs_exist_ok=True)
    text = (ROOT / "pyproject.toml").read_text() + _CONFIG.format(package=package)
    (place / "pyproject.toml").write_text(text)
    return place


def write_survivors(package: str, found: Verdicts) -> None:
    """Write the differences of all that no test has noticed."""
    place = WORK / package
    names = found.named(*SURVIVED)
    if names:
        (place / "survivors.txt").write_text(_python(place, _SHOW, *names))
        print(f"{place / 'survivors.txt'}: {len(names)} to read")


def _python(place: Path, code: str, *arguments: str) -> str:
    """Run code in a package's folder; return what it printed, and show it to a person."""
    command = [sys.executable, "-c", code, *arguments]
    watched = sys.stdout.isatty() and "run" in arguments
    done = subprocess.run(  # noqa: S603
        command, cwd=place, text=True, stdout=None if watched else subprocess.PIPE
    )
    if done.returncode:
        raise SystemExit(f"mutmut failed:\n{(done.stdout or '')[-2000:]}")
    return done.stdout or ""


if __name__ == "__main__":
    sys.exit(main())
