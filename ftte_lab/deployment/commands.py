"""The commands for real processes: `serve`, `join` and `show`, each as a `click` command.

Two programs offer them: `ftte-lab`, and `python -m ftte_lab.deployment`, which imports only what a
node needs and so holds less memory.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import click

from ftte_lab._common import configure_process, integer, say
from ftte_lab.deployment.join_line import LOOPBACK, JoinLine
from ftte_lab.deployment.messages import Join
from ftte_lab.deployment.node_key import kept_secret
from ftte_lab.deployment.node_loop import follow
from ftte_lab.deployment.shown_carrier import ShownCarrier
from ftte_lab.deployment.zmq_carrier import ZmqNode

_STANDARD_INPUT = "-"
DATA = ("digits", "motion")
"""What a class may train on; with motion each node holds the signals of one person's wrist."""


@click.command()
@click.option("--nodes", default=4, metavar="N", help="Node processes, 4 or more: 4.")
@click.option("--carrier", default="zmq", metavar="NAME", help="zmq; or flower, if installed.")
@click.option("--seconds", type=float, metavar="S", help="Of the free run: 20, with flower 150.")
@click.option("--picture", default="clock.png", metavar="FILE", help="To write: clock.png.")
@click.option("--store", metavar="FILE", help="JSON to write, with all that was measured.")
def show(nodes: int, carrier: str, seconds: float | None, picture: str, store: str | None) -> int:
    """Run node processes on this machine, and compare them with the simulation.

    First in the order of the simulation, then with real arrivals. The exit status is 1 if the
    models differ.
    """
    from ftte_lab.deployment.runner import (
        DEFAULT_SECONDS,
        demonstrate,
        demonstration_scenario,
    )

    same, _ = demonstrate(
        demonstration_scenario(integer("nodes", nodes, 4, 64), carrier),
        carrier=carrier,
        seconds=DEFAULT_SECONDS[carrier] if seconds is None else seconds,
        picture=Path(picture),
        kept=Path(store) if store else None,
        tell=say,
    )
    return 0 if same else 1


@click.command()
@click.option("--seats", default=8, metavar="N", help="Nodes that may join: 8.")
@click.option("--data", type=click.Choice(DATA), default=DATA[0], help="What nodes train on.")
@click.option("--seconds", default=120.0, metavar="S", help="Of a run: 120.")
@click.option("--host", default=LOOPBACK, help="This machine's address in its network.")
@click.option("--port", default=0, metavar="N", help="For the nodes; any free one if left out.")
@click.option("--word", help="What a node must know; a new one if left out.")
def serve(seats: int, data: str, seconds: float, host: str, port: int, word: str | None) -> int:
    """Let a class join, and show it on a page of this machine."""
    from ftte_lab.deployment.classroom import Classroom
    from ftte_lab.deployment.runner import demonstration_scenario

    scenario = demonstration_scenario(integer("seats", seats, 4, 200), data=data)
    room = Classroom(scenario, seconds=seconds, host=host, port=port, word=word, tell=say)
    try:
        room.serve()
    except KeyboardInterrupt:
        say("ended")
    finally:
        room.close()
    return 0


@click.command()
@click.argument("line", metavar="LINE")
@click.option("--name", default=lambda: f"node-{os.getpid()}", help="Of this node.")
@click.option("--speed", default=1.0, metavar="X", help="Share of full speed: 0.25 is slow.")
@click.option("--person", default=-1, metavar="N", help="Whose samples: 0, 1, ...; any.")
@click.option("--memory", type=float, metavar="KIB", help="That a training step may hold here.")
@click.option("--quiet", is_flag=True, help="Do not show what is sent.")
def join(line: str, name: str, speed: float, person: int, memory: float | None, quiet: bool) -> int:
    """Take part in a run as a node, until the server ends it.

    LINE is what `serve` prints. A single hyphen reads it from standard input.
    """
    configure_process()
    ends, secret = threading.Event(), b""
    if line == _STANDARD_INPUT:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
        line, secret = sys.stdin.readline(), sys.stdin.readline().strip().encode()
        threading.Thread(target=_end_with_input, args=(ends,), daemon=True).start()
    joined = JoinLine.read(line)
    tell = (lambda text: None) if quiet or secret else say
    carrier = ShownCarrier(ZmqNode(joined, secret or kept_secret(name)), tell, speed)
    try:
        me = Join(joined.word, name, max(-1, person))
        say(follow(carrier, me, unwanted=ends.is_set, budget_kib=memory))
    finally:
        carrier.close()
    return 0


def _end_with_input(ends: threading.Event) -> None:
    """Wait until standard input is closed: whoever started this process has ended."""
    while sys.stdin.read(4096):
        pass
    ends.set()


NODE_COMMANDS: tuple[click.Command, ...] = (serve, join, show)
"""The commands, in the order of the help."""
