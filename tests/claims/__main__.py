"""Print the table of claims; arguments name the lessons, such as `python -m tests.claims 00 07`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from tests.claims import CLAIMS


def main(wanted: Sequence[str]) -> int:
    """Print the table of claims, of all lessons or of those named; return how many fail."""
    failed = 0
    print("| claim | must be | seeds | measured | holds |\n| --- | --- | --- | --- | --- |")
    for name, claim in CLAIMS.items():
        if wanted and name[:2] not in wanted:
            continue
        began = time.process_time()
        values = claim.values()
        holds = claim.holds(values)
        seeds = f"{claim.seeds[0]} to {claim.seeds[-1]}"
        measured = " ".join(f"{v:.3g}" for v in values)
        print(f"| {name} | {claim.margin} | {seeds} | {measured} | {holds} |", flush=True)
        print(f"{name}: {time.process_time() - began:.0f} s", file=sys.stderr)
        failed += not holds
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
