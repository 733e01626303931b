"""Show both modes on this machine: the proof in locked order, then the clock with real arrivals."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ftte_lab._common import choice, size
from ftte_lab.deployment.picture import save_picture
from ftte_lab.deployment.records import RealRun, run_digest
from ftte_lab.deployment.report import comparison, staleness_groups
from ftte_lab.deployment.runner import follow_run, open_room
from ftte_lab.deployment.stored_run import Demonstration, store
from ftte_lab.simulation import Finished, Prepared, Scenario, prepare, simulate

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
