"""Real processes, from the command line: `python -m ftte_lab.deployment show`, `serve`, `join`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from ftte_lab._common import configure_process, integer, say
from ftte_lab.deployment.join_line import LOOPBACK, JoinLine
from ftte_lab.deployment.messages import Join
from ftte_lab.deployment.node_key import kept_secret
from ftte_lab.deployment.node_loop import follow
from ftte_lab.deployment.room import DeploymentError
from ftte_lab.deployment.shown_carrier import ShownCarrier
from ftte_lab.deployment.zmq_carrier import ZmqNode

_STANDARD_INPUT = "-"
DATA = ("digits", "motion")
"""What a class may train on; with motion each node holds the signals of one person's wrist."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ftte_lab.deployment")
    commands = parser.add_subparsers(dest="command", required=True)
    join = commands.add_parser("join", help="take part in a run as a node")
    join.add_argument("line", metavar="LINE", help="the join line; -: from standard input")
    join.add_argument("--name", default=f"node-{os.getpid()}", help="of this node")
    join.add_argument("--speed", type=float, default=1.0, help="share of full speed: 0.25 is slow")
    join.add_argument("--person", type=int, default=-1, help="whose samples: 0, 1, ...; any")
    join.add_argument("--memory", type=float, help="KiB that a training step may hold here")
    join.add_argument("--quiet", action="store_true", help="do not show what is sent")
    show = commands.add_parser("show", help="run locked and free on this machine, and compare")
    show.add_argument("--nodes", type=int, default=4, help="node processes, 4 or more")
    show.add_argument("--carrier", default="zmq", help="zmq, or flower where it is installed")
    show.add_argument("--seconds", type=float, help="of the free run: 20, with flower 150")
    show.add_argument("--picture", type=Path, default=Path("clock.png"), help="PNG to write")
    show.add_argument("--store", type=Path, help="JSON to write, with all that was measured")
    serve = commands.add_parser("serve", help="let a class join, and show it on a page")
    serve.add_argument("--seats", type=int, default=8, help="nodes that may join")
    serve.add_argument("--data", choices=DATA, default=DATA[0], help="what the nodes train on")
    serve.add_argument("--seconds", type=float, default=120.0, help="of a run")
    serve.add_argument("--host", default=LOOPBACK, help="this machine's address in its network")
    serve.add_argument("--port", type=int, default=0, help="for the nodes; 0: any free one")
    serve.add_argument("--word", default=None, help="what a node must know; a new one if left out")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, or 2 after one sentence on what was wrong."""
    args = _parser().parse_args(arguments)
    try:
        if args.command == "show":
            return _show(args)
        if args.command == "serve":
            return _serve(args)
        return _join(args)
    except (ValueError, DeploymentError) as error:
        say(f"ftte_lab: {error}", sys.stderr)
        return 2


def _show(args: argparse.Namespace) -> int:
    """Show both modes; the exit status is 1 if the models differ."""
    from ftte_lab.deployment.demonstration import (
        DEFAULT_SECONDS,
        demonstrate,
        demonstration_scenario,
    )

    scenario = demonstration_scenario(integer("nodes", args.nodes, 4, 64), args.carrier)
    same, _ = demonstrate(
        scenario,
        carrier=args.carrier,
        seconds=DEFAULT_SECONDS[args.carrier] if args.seconds is None else args.seconds,
        picture=args.picture,
        kept=args.store,
        tell=say,
    )
    return 0 if same else 1


def _serve(args: argparse.Namespace) -> int:
    """Serve a class until the page, or an interrupt, ends it."""
    from ftte_lab.deployment.classroom import Classroom
    from ftte_lab.deployment.demonstration import demonstration_scenario

    scenario = demonstration_scenario(integer("seats", args.seats, 4, 200), args.data)
    at = {"host": args.host, "port": args.port, "word": args.word}
    room = Classroom(scenario, seconds=args.seconds, tell=say, **at)
    try:
        room.serve()
    except KeyboardInterrupt:
        say("ended")
    finally:
        room.close()
    return 0


def _join(args: argparse.Namespace) -> int:
    """Take part until the server ends, or whoever started this process."""
    configure_process()
    line, name = args.line, args.name
    ends, secret = threading.Event(), b""
    if line == _STANDARD_INPUT:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
        line, secret = sys.stdin.readline(), sys.stdin.readline().strip().encode()
        threading.Thread(target=_end_with_input, args=(ends,), daemon=True).start()
    joined = JoinLine.read(line)
    tell = (lambda text: None) if args.quiet or secret else say
    carrier = ShownCarrier(ZmqNode(joined, secret or kept_secret(name)), tell, args.speed)
    try:
        me = Join(joined.word, name, max(-1, args.person))
        say(follow(carrier, me, unwanted=ends.is_set, budget_kib=args.memory))
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
