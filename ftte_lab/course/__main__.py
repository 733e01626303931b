"""`python -m ftte_lab.course`: commands for teachers, over a folder that a class handed in."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ftte_lab._common import say, write_atomic, writing_to
from ftte_lab.course.collect import collect
from ftte_lab.course.judging import judge_folder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ftte_lab.course", description="For teachers.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser(
        "collect",
        help="put the reports of a class into one table, with a histogram of each prediction",
    )
    one.add_argument("folder", metavar="FOLDER", help="with the students' reports, one file each")
    one.add_argument(
        "--to", default="collected", metavar="FOLDER", help="for the results (default: collected)"
    )
    one.add_argument(
        "--measured", action="store_true", help="mark in the histograms what was measured"
    )
    two = commands.add_parser(
        "judge", help="judge the capstone codes of a class on seeds that a secret makes"
    )
    two.add_argument("folder", metavar="FOLDER", help="with the students' codes, one file each")
    two.add_argument("--secret", required=True, help="a sentence of yours; it makes the seeds")
    two.add_argument(
        "--to", default="judged.csv", metavar="FILE", help="for the ranking (default: judged.csv)"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, or 2 after one sentence on what is wrong."""
    args = _parser().parse_args(arguments)
    try:
        return _collect(args) if args.command == "collect" else _judge(args)
    except ValueError as error:
        say(f"ftte_lab: {error}", sys.stderr)
        return 2


def _collect(args: argparse.Namespace) -> int:
    done = collect(args.folder, args.to, measured=args.measured)
    say(done)
    say(f"\nWritten to {args.to}: class.csv, summary.txt, {len(done.slides)} histograms")
    return 0


def _judge(args: argparse.Namespace) -> int:
    done = judge_folder(args.folder, args.secret, progress=lambda name: say(f"… {name}"))
    path = Path(args.to)
    with writing_to(path.parent, "Choose another file"):
        write_atomic(path, done.table().encode("utf-8-sig"))
    say(done)
    say(f"\nWritten to {args.to}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
