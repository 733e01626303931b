"""`python -m ftte_lab [PRESET] [--seed S] [--json]`: print the headline comparison."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ftte_lab._common import say, spelled, write_json
from ftte_lab.experiments import (
    PRESETS,
    Comparison,
    best_rates,
    headline,
    preset,
    savings,
    table,
    tune,
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ftte_lab",
        description="Compare FTTE with FedAvg and FedBuff on the same simulated fleet.",
        epilog="presets: " + "; ".join(f"{name}: {p.about}" for name, p in PRESETS.items()),
    )
    parser.add_argument(
        "preset",
        nargs="?",
        default="default",
        metavar="PRESET",
        help="which scenario (default: default)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="from 0 upwards (default: 0)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of the table"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument(
        "--tune",
        action="store_true",
        help="tune the server rates on seeds of their own; takes long",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, or 2 after one sentence on a wrong argument."""
    args = _parser().parse_args(arguments)
    try:
        chosen = preset(args.preset)
        if args.tune:
            return _tune(chosen)
        report = headline(chosen.runs(args.seed), progress=not args.quiet, processes=None)
    except ValueError as error:
        say(f"ftte_lab: {error}", sys.stderr)
        return 2
    if args.json:
        content = {"preset": args.preset, "seed": args.seed, **report.to_dict()}
        say(write_json(spelled(content)))
        return 0
    say(f"{chosen.about}; seed {args.seed}")
    say(f"target: {100 * report.target_accuracy:.1f} % test accuracy, 95 % of FedAvg's best\n")
    say(table(report))
    say()
    say("\n".join(savings(report)))
    say(
        '"81 % faster" may mean time saved or speed gained: both are printed. All figures are ours.'
    )
    return 0


def _tune(chosen: Comparison) -> int:
    scores = tune(chosen, progress=True, processes=None)
    for name, by_rate in scores.items():
        say(f"{name:>8}  " + "  ".join(f"{rate:g}: {score:.4f}" for rate, score in by_rate.items()))
    say(f"best:  {best_rates(scores)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
