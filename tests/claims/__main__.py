"""Print the table of claims; arguments name the lessons, such as `python -m tests.claims 00 07`.

With `--record` the numbers are kept in `measured.json`, too: those of all lessons, or of the named.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from ftte_lab._common import write_atomic
from tests.claims import CLAIMS, RECORD, STORE, measured, recorded, units, values
from tests.simulation.test_golden import machine


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


def record(wanted: Sequence[str]) -> None:
    """Keep the numbers of some lessons, or of all."""
    kept = recorded() if wanted and RECORD.exists() else {}
    found = {}
    for name, claim in CLAIMS.items():
        again = not wanted or name[:2] in wanted
        numbers = dict(zip(map(str, claim.seeds), values(name), strict=True)) if again else None
        found[name] = kept[name] if numbers is None else numbers
    content = {"machine": machine(), "claims": found}
    write_atomic(RECORD, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        STORE.folder = Path(folder)
        lessons = [text for text in sys.argv[1:] if text != "--record"]
        failures = main(lessons)
        if "--record" in sys.argv:
            record(lessons)
        sys.exit(failures)
