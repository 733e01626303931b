"""Command line of the kill tests."""

import argparse
import sys
import time

from tests.kills.faults import FAULTS
from tests.kills.trial import disturb
from tests.kills.work import WORKS


def main() -> int:
    """Print a line for each kind of work and fault; return 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills")
    parser.add_argument("work", nargs="*", help=f"of {', '.join(WORKS)}; all if none is given")
    parser.add_argument("--moments", type=int, default=50, help="of each fault (default: 50)")
    parser.add_argument("--fault", choices=FAULTS, nargs="+", default=FAULTS, help="only these")
    chosen = parser.parse_args()
    if unknown := set(chosen.work) - set(WORKS):
        parser.error(f"no work {', '.join(sorted(unknown))}; there are {', '.join(WORKS)}")
    wrong = 0
    print("| work | fault | moments | hit | ended | results lost | finished again | s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in chosen.work or WORKS:
        for fault in chosen.fault:
            begin = time.monotonic()
            tally = disturb(name, fault, chosen.moments)
            ended = ", ".join(f"{n} {answer}" for answer, n in sorted(tally.answers.items()))
            print(
                f"| {name} | {fault} | {tally.moments} | {tally.hit} | {ended} | {tally.lost} | "
                f"{tally.finished} | {time.monotonic() - begin:.0f} |",
                flush=True,
            )
            for text in tally.wrong:
                print(f"wrong: {text}", file=sys.stderr)
            wrong += len(tally.wrong) + tally.lost
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
