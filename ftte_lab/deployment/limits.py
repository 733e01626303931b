"""Refuse in words what real processes cannot do yet."""

from __future__ import annotations

from ftte_lab._common import require
from ftte_lab.server import CORRECTIONS
from ftte_lab.simulation import Scenario


def check_deployable(scenario: Scenario, nodes: int, *, free: bool) -> None:
    """Check that a scenario can be run by so many nodes.

    Args:
        scenario: the run.
        nodes: how many processes.
        free: whether updates are taken as they really arrive.

    Raises:
        ValueError: it cannot.
    """
    s = scenario
    own = s.own_names()
    require(
        not own,
        f"{', '.join(own)}: registered in this process alone",
        "names that every node knows",
        "Use one that the kit ships",
    )
    keeps_state = CORRECTIONS[s.correction].state is not None
    require(
        not keeps_state,
        f"correction = {s.correction!r} on real processes",
        "a correction without state at the server",
        "Use the simulation for it",
    )
    require(s.phases == 1, f"phases = {s.phases} on real processes", "phases = 1")
    shared = s.private is None
    require(shared, f"private = {s.private!r} on real processes", "private = None")
    hidden = s.clip_norm is not None or s.secure_aggregation
    allowed = "clip_norm = None and no secure_aggregation"
    fix = "The server would see what these hide from it"
    require(not hidden, "clipped or masked updates on real processes", allowed, fix)
    fewer = f"1 to {s.clients}, the clients"
    require(nodes <= s.clients, f"nodes = {nodes}", fewer, "A client is played by one node")
    if free:
        _check_free(s, nodes)


def _check_free(s: Scenario, nodes: int) -> None:
    fix = "Set clients to the number of nodes"
    require(s.clients == nodes, f"{s.clients} clients on {nodes} nodes", "equally many", fix)
    combined = s.combine == "updates"
    require(combined, f"combine = {s.combine!r} with real arrivals", "combine = 'updates'")
    require(not s.batteries, "batteries with real arrivals", "batteries = False")
    often = s.max_participations is None
    require(often, "max_participations with real arrivals", "max_participations = None")
