"""What an evaluation reports of each client, against its means, and as bytes between processes."""

import numpy as np
import pytest

from ftte_lab.simulation import Evaluated, Ready, simulate
from ftte_lab.simulation.workers.event_bytes import event_from_bytes, event_to_bytes
from tests.tiny import TINY


def test_each_evaluation_holds_the_accuracy_of_every_client() -> None:
    scenario = TINY.replace(mix={"phone": 0.5, "sensor": 0.5})
    events = list(simulate(scenario, processes=1))
    assert isinstance(events[0], Ready)
    prepared, shown = events[0].prepared, [e for e in events if isinstance(e, Evaluated)]
    tested = np.array([len(part) for part in prepared.federation.shards.test])
    kinds = np.array(prepared.federation.fleet.kind)
    assert len(shown) > 3
    for event in shown:
        assert event.clients.shape == (scenario.clients,)
        assert (np.isnan(event.clients) == (tested == 0)).all()
        for kind in ("phone", "sensor"):
            own = (kinds == kind) & (tested > 0)
            mean = np.average(event.clients[own], weights=tested[own])
            assert event.point[f"accuracy_{kind}"] == pytest.approx(mean)
        known = np.sort(event.clients[tested > 0])
        worst = known[: max(1, len(known) // 10)].mean()
        assert event.point["worst_decile_accuracy"] == pytest.approx(worst)
        again = event_from_bytes(event_to_bytes(event))
        assert isinstance(again, Evaluated)
        assert again.point == event.point
        assert again.clients.tobytes() == event.clients.tobytes()
