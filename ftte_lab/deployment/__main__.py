"""`python -m ftte_lab.deployment join LINE`: take part in a run as a node."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence

from ftte_lab._common import configure_process, say
from ftte_lab.deployment.join_line import JoinLine
from ftte_lab.deployment.messages import Join
from ftte_lab.deployment.node_key import kept_secret
from ftte_lab.deployment.node_loop import follow
from ftte_lab.deployment.zmq_carrier import ZmqNode

_STANDARD_INPUT = "-"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ftte_lab.deployment")
    commands = parser.add_subparsers(dest="command", required=True)
    join = commands.add_parser("join", help="take part in a run as a node")
    join.add_argument("line", metavar="LINE", help="the join line; -: from standard input")
    join.add_argument("--name", default=f"node-{os.getpid()}", help="of this node")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, or 2 after one sentence on what was wrong."""
    args = _parser().parse_args(arguments)
    try:
        return _join(args.line, args.name)
    except ValueError as error:
        say(f"ftte_lab: {error}", sys.stderr)
        return 2


def _join(line: str, name: str) -> int:
    """Take part until the server ends, or whoever started this process."""
    configure_process()
    ends, secret = threading.Event(), b""
    if line == _STANDARD_INPUT:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
        line, secret = sys.stdin.readline(), sys.stdin.readline().strip().encode()
        threading.Thread(target=_end_with_input, args=(ends,), daemon=True).start()
    joined = JoinLine.read(line)
    carrier = ZmqNode(joined, secret or kept_secret(name))
    try:
        say(follow(carrier, Join(joined.word, name), unwanted=ends.is_set))
    finally:
        carrier.close()
    return 0


def _end_with_input(ends: threading.Event) -> None:
    """Wait until standard input is closed: whoever started this process has ended."""
    while sys.stdin.read(4096):
        pass
    ends.set()


if __name__ == "__main__":
    raise SystemExit(main())
