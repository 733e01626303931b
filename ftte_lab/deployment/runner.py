"""Run a scenario by real processes of this machine, in one call: locked, free, or both to compare.

Both together are the proof in locked order, then the clock with real arrivals.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ftte_lab._common import choice, progress_bar, size
from ftte_lab.deployment.flower.room import FlowerRoom
from ftte_lab.deployment.picture import save_picture
from ftte_lab.deployment.records import RealRun, run_digest
from ftte_lab.deployment.report import comparison, staleness_groups
from ftte_lab.deployment.room import Room
from ftte_lab.deployment.served_run import RunEvent
from ftte_lab.deployment.stored_run import Demonstration, store
from ftte_lab.simulation import Finished, Prepared, Scenario, Stepped, prepare, simulate

CARRIERS = ("zmq", "flower")
"""What may move the messages: ZeroMQ, or the programs of Flower."""
# Flower starts a process for each message: a horizon with few updates, each of which takes long.
_HORIZON_S = {"zmq": 60.0, "flower": 6.0}
DEFAULT_SECONDS = {"zmq": 20.0, "flower": 150.0}
"""Real seconds of the free run, by carrier."""
_MOTION = {
    "data": "motion",
    "model": "mcunet-s",
    "local_steps": 4,
    "budget_kib": None,
    "payload_share": 0.25,
    "horizon_s": 600.0,
}


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


def demonstration_scenario(nodes: int = 4, carrier: str = "zmq", data: str = "digits") -> Scenario:
    """Return a small run of FTTE with one client per node, whose buffer holds three.

    Args:
        nodes: how many, 4 or more.
        carrier: what moves the messages, "zmq" or "flower".
        data: "digits" or "motion"; with motion each client is a person with a style of their own.
    """
    choice("carrier", carrier, tuple(_HORIZON_S))
    scenario = Scenario(
        data="digits",
        model="mlp",
        clients=nodes,
        mix={"sensor": 1.0},
        straggler_share=0.25,
        straggler_factor=4.0,
        dropout=0.0,  # nobody plays it: the nodes that are really lost take its place
        jitter=0.2,
        concurrency=nodes,
        buffer=3,
        local_steps=3,
        warm_start_steps=0,
        budget_kib=40.0,
        horizon_s=_HORIZON_S[carrier],
        evaluations=15,
    )
    return scenario.replace(**(_MOTION if data == "motion" else {})).as_method("ftte")


def demonstrate(
    scenario: Scenario,
    *,
    carrier: str = "zmq",
    seconds: float = 20.0,
    picture: Path | None = None,
    kept: Path | None = None,
    tell: Callable[[str], None] = print,
) -> tuple[bool, RealRun]:
    """Run a scenario locked and free by node processes of this machine, and report.

    Returns whether the locked run equals the simulation to the bit, and the record of the free one.

    Args:
        scenario: the run, with one client per node.
        carrier: what moves the messages, "zmq" or "flower".
        seconds: real seconds that the horizon of the free run takes.
        picture: PNG file to write; `None`: none.
        kept: JSON file to write, with all that was measured; `None`: none.
        tell: called with each line of the report.

    Raises:
        ValueError: the scenario cannot be run so, or a file cannot be written.
        DeploymentError: the nodes do not come, or Flower does not start.
    """
    prepared = prepare(scenario)
    *_, expected = simulate(prepared, processes=1)
    if not isinstance(expected, Finished):
        raise RuntimeError("the simulation ended without a record")
    shown = _both_modes(prepared, expected, carrier, seconds, tell)
    for line in _free_lines(shown):
        tell(line)
    if picture is not None:
        tell(f"picture: {save_picture(shown.free, picture, expected.history)}")
    if kept is not None:
        tell(f"record: {store(shown, kept)}")
    return shown.same, shown.free


def _both_modes(
    prepared: Prepared,
    expected: Finished,
    carrier: str,
    seconds: float,
    tell: Callable[[str], None],
) -> Demonstration:
    """Run both modes in one room."""
    begin, shows = time.monotonic(), sys.stderr.isatty()
    nodes, simulated = prepared.scenario.clients, run_digest(expected.params, expected.history)
    with open_room(nodes, carrier, count_wire=True) as room:
        room.start_nodes()
        room.wait_for_nodes()
        ready_s = time.monotonic() - begin
        tell(f"{nodes} nodes are there after {ready_s:.1f} s")
        locked = follow_run(room.locked(prepared), prepared, progress=shows)
        for line in _locked_lines(locked, simulated):
            tell(line)
        free = follow_run(room.free(prepared, seconds=seconds), prepared, progress=shows)
        started = room.node_processes
        memory = {name: started.memory_bytes(name) for name in started.processes}
        return Demonstration(
            carrier,
            room.versions(),
            simulated,
            expected.history,
            locked,
            free,
            ready_s,
            memory,
            room.overheads(),
        )


def _locked_lines(run: RealRun, simulated: str) -> Iterator[str]:
    yield "Locked: in the order of the simulated timeline"
    yield f"  digest of the simulation     {simulated}"
    yield f"  digest of the real processes {run.digest()}"
    same = run.digest() == simulated
    yield "  the same model, to the bit" if same else "  NOT the same model"
    yield f"  {len(run.jobs)} updates, {run.real_s / max(1, len(run.jobs)):.3f} s per update"


def _free_lines(shown: Demonstration) -> Iterator[str]:
    run = shown.free
    horizon_s = run.predicted.scenario.horizon_s
    yield f"Free: {horizon_s:g} virtual s in {run.scale * horizon_s:g} real ones"
    yield comparison(run).to_string(index=False, float_format="%.3f", na_rep="")
    yield staleness_groups(run).to_string(index=False, float_format="%.3f")
    if held := max(shown.node_bytes.values()):
        yield f"memory of a node: {size(held)}, most of it libraries"
    costs = shown.overheads
    if "server_bytes" in costs:
        yield f"memory of SuperLink and ServerApp: {size(costs['server_bytes'])}"
        yield (
            f"on the wire, both runs: {costs['wire_down_bytes']:,} bytes down, "
            f"{costs['wire_up_bytes']:,} up"
        )
