"""Print all tables of measurements, or some of them; RESULTS.md keeps what they gave."""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import torch

from benchmarks import (
    classroom,
    crowd,
    growth,
    kernels,
    lab_speed,
    live,
    peers,
    training,
    whole_runs,
)
from benchmarks.markdown import table
from benchmarks.timing import gemm_gflops
from ftte_lab._common import configure_process, cores

PARTS = {
    "training": training.run,
    "runs": whole_runs.run,
    "growth": growth.run,
    "kernels": kernels.run,
    "lab": lab_speed.run,
    "live": live.run,
    "classroom": classroom.run,
    "crowd": crowd.run,
    "peers": peers.run,
}


def main() -> None:
    """Measure and print."""
    configure_process()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; none: all"
    )
    parser.add_argument(
        "--quick", action="store_true", help="few repeats: to see that it works, not to quote"
    )
    parser.add_argument("--json", action="store_true", help="numbers instead of tables")
    chosen = parser.parse_args()
    unknown = set(chosen.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}; allowed: {', '.join(PARTS)}.")
    machine = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cores": cores(),
        "gemm_peak_one_core_gflops": gemm_gflops(),
    }
    found: dict[str, Any] = {"machine": machine}
    if not chosen.json:
        print(f"machine: {machine}")
    for name in chosen.parts or PARTS:
        found[name] = PARTS[name](chosen.quick)
        if not chosen.json:
            print(f"\n## {name}")
            for rows in found[name].values() if isinstance(found[name], dict) else [found[name]]:
                print()
                print(table(rows) if rows else "nothing installed (see benchmarks/peers.txt)")
        if name == "growth" and not chosen.quick:
            growth.chart(found[name]["fleets"], Path(__file__).parent / "growth.png")
    if chosen.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
