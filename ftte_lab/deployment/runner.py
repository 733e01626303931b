"""Run a scenario by real processes of this machine, in one call."""

from __future__ import annotations

from collections.abc import Iterator

from ftte_lab._common import choice, progress_bar
from ftte_lab.deployment.flower.room import FlowerRoom
from ftte_lab.deployment.records import RealRun
from ftte_lab.deployment.room import Room
from ftte_lab.deployment.served_run import RunEvent
from ftte_lab.simulation import Prepared, Scenario, Stepped, prepare

CARRIERS = ("zmq", "flower")
"""What may move the messages: ZeroMQ, or the programs of Flower."""


def open_room(nodes: int = 4, carrier: str = "zmq", *, count_wire: bool = False) -> Room:
    """Return a room on this machine, still without nodes.

    Args:
        nodes: how many may take part.
        carrier: what moves the messages, "zmq" or "flower".
        count_wire: whether Flower's traffic on this machine is counted; that of ZeroMQ is known.

    Raises:
        ValueError: the carrier is not known, or not installed.
        DeploymentError: Flower does not start.
    """
    choice("carrier", carrier, CARRIERS)
    return Room(nodes) if carrier == "zmq" else FlowerRoom(nodes, count_wire=count_wire)


def run_locked(
    scenario: Scenario | Prepared,
    nodes: int = 4,
    *,
    carrier: str = "zmq",
    progress: bool = False,
) -> RealRun:
    """Run in the order of the simulated timeline, by node processes of this machine.

    The model, every weight and the history equal those of `simulation.run` to the bit.

    Args:
        scenario: the run, or what `prepare` made of it.
        nodes: how many processes; each plays every so many-th client.
        carrier: what moves the messages, "zmq" or "flower".
        progress: whether to show a bar.

    Raises:
        ValueError: the scenario cannot be run so, or the carrier is missing.
        DeploymentError: the nodes do not come.
    """
    prepared = scenario if isinstance(scenario, Prepared) else prepare(scenario)
    with open_room(nodes, carrier) as room:
        room.start_nodes()
        room.wait_for_nodes()
        return follow_run(room.locked(prepared), prepared, progress=progress)


def run_free(
    scenario: Scenario | Prepared,
    *,
    seconds: float = 20.0,
    throttle: bool = True,
    carrier: str = "zmq",
    progress: bool = False,
) -> RealRun:
    """Run with updates as they really arrive, by one node process per client on this machine.

    Args:
        scenario: the run, or what `prepare` made of it.
        seconds: real seconds that its horizon takes.
        throttle: whether each node takes as long as the device that it plays.
        carrier: what moves the messages, "zmq" or "flower".
        progress: whether to show a bar.

    Raises:
        ValueError: the scenario cannot be run so, or the carrier is missing.
        DeploymentError: the nodes do not come.
    """
    prepared = scenario if isinstance(scenario, Prepared) else prepare(scenario)
    with open_room(prepared.scenario.clients, carrier) as room:
        room.start_nodes()
        room.wait_for_nodes()
        events = room.free(prepared, seconds=seconds, throttle=throttle)
        return follow_run(events, prepared, progress=progress)


def follow_run(
    events: Iterator[RunEvent], prepared: Prepared, *, progress: bool = False
) -> RealRun:
    """Follow a run to its end, and return its record.

    Args:
        events: of the run.
        prepared: the prepared run.
        progress: whether to show virtual and real time in a bar.
    """
    end_s, shown_s = prepared.timeline.end_s, 0.0
    bar = progress_bar(total=round(end_s, 1), unit="virtual s", disable=not progress)
    with bar:
        for event in events:
            if isinstance(event, RealRun):
                return event
            if isinstance(event, Stepped) and event.sim_seconds > shown_s:
                bar.update(round(event.sim_seconds - shown_s, 1))
                shown_s = event.sim_seconds
    raise RuntimeError("the run ended without a record")
