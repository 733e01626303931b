"""Run random scenarios from the command line; see the package."""

from __future__ import annotations

import argparse
import sys
import time

from ftte_lab.simulation import SETTINGS
from tests.fuzz.runs import FIRST_SEED, Summary, outcomes


def main(arguments: list[str] | None = None) -> int:
    """Run them, print each failure as it comes and a summary, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=1000, help="how many (1000)")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="the first seed")
    given = parser.parse_args(arguments)
    seed = given.seed
    summary, begin = Summary(), time.monotonic()
    for k, one in enumerate(outcomes(given.count, seed), 1):
        summary.add(one)
        if one.failure:
            text = "not built" if one.scenario is None else one.scenario.to_json()
            print(f"FAILED seed {one.seed}: {text}\n{one.failure}", flush=True)
        if k % 100 == 0:
            passed_s = time.monotonic() - begin
            print(f"{k}: {passed_s:.0f} s, {len(summary.failures)} failed", flush=True)
    missing = [name for name in SETTINGS if not summary.varied[name]]
    print(
        f"{given.count} random scenarios from seed {seed}: {len(summary.accepted)} ran, "
        f"{100 * summary.share_refused:.1f} % refused, {len(summary.failures)} failed, "
        f"{time.monotonic() - begin:.0f} s; settings that no run varied: {missing or 'none'}"
    )
    return 1 if summary.failures else 0


if __name__ == "__main__":
    sys.exit(main())
