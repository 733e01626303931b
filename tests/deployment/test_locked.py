"""Order-locked runs: what real nodes train is the simulation, to the last bit."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from ftte_lab import Scenario, prepare
from ftte_lab.deployment import DeploymentError, RealRun, Room, follow_run, run_digest
from ftte_lab.deployment.locked_order import LockedOrder
from ftte_lab.server import STALENESS
from ftte_lab.simulation import Finished, Prepared, simulate
from tests.deployment.thread_nodes import FullRoom
from tests.tiny import TINY

SERIES = Scenario(
    model="mcunet-s",
    payload_share=0.25,
    clients=12,
    samples_per_client=8,
    concurrency=6,
    buffer=3,
    batch=4,
    local_steps=2,
    horizon_s=90.0,
    evaluations=8,
    warm_start_steps=0,
)
IMAGES = TINY.replace(model="cnn", batch=8, budget_kib=None, payload_share=0.25, horizon_s=80.0)
CASES: dict[str, tuple[Scenario, str, dict[str, Any]]] = {
    "fedavg": (TINY, "fedavg", {}),
    "fedbuff": (TINY, "fedbuff", {}),
    "ftte, 8 bits, micro-batches": (SERIES, "ftte", {"payload_bits": 8, "micro_batch": "auto"}),
    "ftte, images, 8 bits": (IMAGES, "ftte", {"payload_bits": 8, "micro_batch": 2}),
    "ftte, per kind, 16 bits, no names": (
        TINY,
        "ftte",
        {"subset_per": "kind", "payload_bits": 16, "payload_names": False},
    ),
    "ftte, variance of the steps": (TINY, "ftte", {"variance": "steps", "payload_bits": 8}),
    "one by one": (TINY, "fedasync", {"horizon_s": 150.0}),
    "models in place of updates": (TINY, "ftte", {"combine": "models", "payload_bits": 8}),
    "average and momentum": (
        TINY,
        "ftte",
        {"server_average": 0.9, "server_momentum": 0.5, "warm_start_steps": 20},
    ),
    "fedprox, over-selection, drop-outs": (TINY, "fedprox", {"dropout": 0.1}),
    "noise": (TINY, "ftte", {"fault": "noise", "faulty_share": 0.4, "subset_per": "kind"}),
    "replay": (TINY, "ftte", {"fault": "replay", "faulty_share": 0.4}),
    "wrong labels, jitter": (
        TINY,
        "ftte",
        {"fault": "labels", "faulty_share": 0.4, "jitter": 0.5},
    ),
    "batteries": (TINY, "ftte", {"batteries": True, "battery_share": 0.001}),
}


def simulated(prepared: Prepared) -> Finished:
    *_, last = simulate(prepared, processes=1)
    assert isinstance(last, Finished)
    return last


def locked(room: Room, prepared: Prepared) -> RealRun:
    return follow_run(room.locked(prepared), prepared)


@pytest.mark.parametrize("name", CASES)
def test_real_nodes_give_the_simulated_model_and_history(name: str, full_room: FullRoom) -> None:
    base, method, changes = CASES[name]
    prepared = prepare(base.replace(**changes).as_method(method))
    assert len(prepared.timeline.step_s) >= 2
    expected, real = simulated(prepared), locked(full_room.room, prepared)
    assert real.digest() == run_digest(expected.params, expected.history)
    assert all(torch.equal(value, real.params[key]) for key, value in expected.params.items())
    pd.testing.assert_frame_equal(real.history.points, expected.history.points, check_exact=True)
    assert real.history.facts == expected.history.facts


def test_the_buffers_hold_three_or_more() -> None:
    """With two, a swap inside a buffer would not be seen: a + b is b + a."""
    for name in ("fedavg", "fedbuff", "ftte, 8 bits, micro-batches", "ftte, images, 8 bits"):
        base, method, changes = CASES[name]
        prepared = prepare(base.replace(**changes).as_method(method))
        assert np.diff(prepared.timeline.step_end, prepend=0).min() >= 3, name
        if method == "ftte":
            assert prepared.plan.subset.entries(prepared.federation.model) < (
                prepared.federation.model.size
            )


def test_a_swap_in_a_buffer_gives_another_digest(
    full_room: FullRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The equality above is no accident: the order of a sum is seen."""
    prepared = prepare(TINY.as_method("ftte"))
    expected, due = simulated(prepared), LockedOrder.due

    def turned(order: LockedOrder) -> np.ndarray | None:
        members = due(order)
        return None if members is None else members[::-1].copy()

    monkeypatch.setattr(LockedOrder, "due", turned)
    real = locked(full_room.room, prepared)
    assert real.digest() != run_digest(expected.params, expected.history)


def test_bytes_are_the_predicted_ones(full_room: FullRoom) -> None:
    for changes in ({}, {"payload_bits": 8}, {"payload_bits": 16, "payload_names": False}):
        prepared = prepare(TINY.as_method("ftte").replace(**changes))
        jobs, traffic = locked(full_room.room, prepared).jobs, prepared.traffic
        whole = jobs["whole"]
        assert set(jobs["payload_up_bytes"]) == {traffic.upload}
        assert set(jobs["payload_down_bytes"][~whole]) == {traffic.download}
        assert set(jobs["payload_down_bytes"][whole]) == {traffic.once + traffic.index}
        assert whole.sum() == jobs["client"].nunique()
        assert (jobs["framed_up_bytes"] > jobs["payload_up_bytes"]).all()


def test_everything_trained_is_downloaded_as_one_row(full_room: FullRoom) -> None:
    prepared = prepare(TINY.as_method("fedbuff"))
    jobs = locked(full_room.room, prepared).jobs
    assert set(jobs["payload_down_bytes"]) == {prepared.traffic.download}


def test_a_node_that_is_cut_off_and_comes_back_changes_no_bit() -> None:
    prepared = prepare(TINY.as_method("ftte"))
    expected = simulated(prepared)
    with FullRoom(nodes=3, lost_s=2.0) as full:
        seen = []
        for event in full.room.locked(prepared):
            if isinstance(event, RealRun):
                assert event.digest() == run_digest(expected.params, expected.history)
                seen.append("end")
                continue
            what = getattr(event, "what", "")
            if what == "arrived" and "cut" not in seen:
                full.nodes.cut("node-2")
                seen.append("cut")
            if what in ("lost", "joined") and event.node == "node-2":  # type: ignore[union-attr]
                seen.append(what)
            if what == "lost":
                full.nodes.start("node-2")
        assert seen == ["cut", "lost", "joined", "end"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"correction": "control_variates"}, "correction = 'control_variates' on real processes"),
        ({"phases": 2}, "phases = 2 on real processes; allowed: phases = 1"),
        ({"clip_norm": 1.0, "normalise": "count"}, "clipped or masked updates on real processes"),
        ({"clients": 2, "concurrency": 2, "buffer": 1}, "nodes = 3; allowed: 1 to 2, the clients"),
    ],
)
def test_what_is_not_carried_is_refused_in_words(
    changes: dict[str, Any], text: str, full_room: FullRoom
) -> None:
    with pytest.raises(ValueError, match=text):
        full_room.room.locked(TINY.replace(**changes))


def test_own_names_are_refused_in_words(full_room: FullRoom) -> None:
    STALENESS["mine"] = STALENESS["poly"]
    with pytest.raises(ValueError, match="registered in this process alone"):
        full_room.room.locked(TINY.replace(staleness="mine"))


def test_a_room_without_nodes_says_so() -> None:
    with Room(nodes=1) as room, pytest.raises(DeploymentError, match="0 of 1 nodes joined"):
        room.wait_for_nodes(limit_s=0.2)
