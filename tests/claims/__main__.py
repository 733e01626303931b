"""Print the table of claims; arguments name the lessons, such as `python -m tests.claims 00 07`."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.claims import CLAIMS, STORE, measured, units, values


def main(wanted: Sequence[str]) -> int:
    """Print the table, of all lessons or of those named; return how many claims fail."""
    for number, seed in units():
        if not wanted or number in wanted:
            began = time.process_time()
            measured(number, seed)
            took = time.process_time() - began
            print(f"lesson {number}, seed {seed}: {took:.1f} s of a core", file=sys.stderr)
    failed = 0
    print("| claim | must be | seeds | measured | holds |\n| --- | --- | --- | --- | --- |")
    for name, claim in CLAIMS.items():
        if wanted and name[:2] not in wanted:
            continue
        found = values(name)
        holds = claim.holds(found)
        seeds = f"{claim.seeds[0]} to {claim.seeds[-1]}"
        numbers = " ".join(f"{v:.3g}" for v in found)
        print(f"| {name} | {claim.margin} | {seeds} | {numbers} | {holds} |")
        failed += not holds
    return failed


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        STORE.folder = Path(folder)
        sys.exit(main(sys.argv[1:]))
