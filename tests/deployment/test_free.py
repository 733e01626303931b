"""Real arrivals: the protocol on the real clock, late and lost updates, nodes that come back."""

import heapq
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftte_lab import prepare
from ftte_lab.deployment import (
    Noticed,
    RealRun,
    accuracy_table,
    arrival_table,
    comparison,
    follow_run,
    memory_table,
    order_agreement,
    staleness_table,
)
from ftte_lab.deployment.free_order import FreeOrder
from ftte_lab.deployment.orders import Start
from ftte_lab.devices import Times
from ftte_lab.server import Fate, Participants, schedule
from ftte_lab.simulation import Prepared, Scenario, Stepped, policy
from tests.deployment.thread_nodes import FullRoom
from tests.tiny import TINY

THREE = TINY.replace(clients=3, concurrency=3, buffer=2, max_updates=30)


PREPARED = prepare(TINY.as_method("ftte"))


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def with_own_times(scenario: Scenario) -> Prepared:
    """Give each client durations of its own, so that no two events come together."""
    prepared = prepare(scenario)
    order = FreeOrder(prepared, 1.0, throttle=True)
    stretch = 1 + np.sqrt(np.arange(2, 2 + scenario.clients)) % 1
    times = prepared.times
    times = Times(times.download_s * stretch, times.compute_s * stretch, times.upload_s * stretch)
    timeline = schedule(
        policy(scenario),
        Participants(
            times.download_s, times.compute_s, times.upload_s, first_download_s=order._first_s
        ),
        horizon_s=scenario.horizon_s,
        seed=scenario.seed,
    )
    return replace(prepared, times=times, timeline=timeline)


@pytest.mark.parametrize("scale", [1.0, 0.125])
@pytest.mark.parametrize(
    ("method", "horizon_s"), [("fedbuff", 40.0), ("fedavg", 200.0), ("fedasync", 10.0)]
)
def test_nodes_that_keep_the_predicted_pace_give_the_predicted_timeline(
    method: str, horizon_s: float, scale: float
) -> None:
    """With a slot for every client nobody is drawn, and both clocks must agree on everything."""
    scenario = TINY.replace(concurrency=12, buffer=4, jitter=0.0, horizon_s=horizon_s)
    prepared = with_own_times(scenario.as_method(method))
    clock, wanted = Clock(), prepared.timeline
    order = FreeOrder(prepared, scale, True, clock)
    flying: list[tuple[float, int, Start]] = []
    zero, idle = clock.now_s, set(range(12))
    while True:
        while (start := order.start(sorted(idle))) is not None:
            idle.remove(start.client)
            end_s = clock.now_s + sum(start.pace)
            heapq.heappush(flying, (end_s, start.participation, start))
        if not flying or (flying[0][0] - zero) / scale >= prepared.scenario.horizon_s:
            break
        clock.now_s, _, start = heapq.heappop(flying)
        assert order.arrived(start.participation, start.pace) == "buffered"
        idle.add(start.client)
        while (members := order.due()) is not None:
            assert order.stepped(members) == []
    found = order.prepared.timeline
    assert len(found.step_s) == len(wanted.step_s) > 2
    np.testing.assert_allclose(found.step_s, wanted.step_s, rtol=1e-9)
    assert found.staleness.tolist() == wanted.staleness.tolist()
    assert found.client[found.applied].tolist() == wanted.client[wanted.applied].tolist()
    assert found.visit[found.applied].tolist() == wanted.visit[wanted.applied].tolist()
    at, there = np.sort(found.applied), np.lexsort((found.visit, found.client))
    assert len(at) == len(wanted.applied)
    theirs = np.lexsort((wanted.visit, wanted.client))
    for name in ("start_s", "downloaded_s", "computed_s", "arrival_s"):
        mine, expected = getattr(found, name)[there], getattr(wanted, name)[theirs]
        done = wanted.fate[theirs] == Fate.APPLIED
        np.testing.assert_allclose(mine[done], expected[done], rtol=1e-9)


def test_a_pause_stops_the_clock_once_nobody_is_under_way() -> None:
    clock = Clock()
    order = FreeOrder(PREPARED, 2.0, True, clock)
    order.hold(True)
    clock.now_s += 50.0  # before the first start there is no time at all
    order.hold(False)
    start = order.start([0])
    assert start is not None
    clock.now_s += 4.0
    order.hold(True)
    clock.now_s += 2.0  # the job goes on, and so does the clock
    order.hold(True)
    assert order.now_s() == 3.0
    order.arrived(start.participation, (1.0, 1.0, 1.0))
    for _ in range(3):
        order.hold(True)
        clock.now_s += 100.0
        assert order.now_s() == 3.0
    order.hold(False)
    clock.now_s += 2.0
    assert order.now_s() == 4.0


@given(st.data())
def test_whatever_arrives_or_is_lost_the_protocol_holds(data: st.DataObject) -> None:
    refill = data.draw(st.sampled_from(["arrival", "step"]))
    changes: dict[str, Any] = {"refill": refill, "buffer": data.draw(st.integers(1, 4))}
    if refill == "step":
        changes["over_select"] = data.draw(st.sampled_from([0.0, 0.5]))
    else:
        changes["max_staleness"] = data.draw(st.none() | st.integers(0, 3))
    scenario = TINY.replace(method="fedavg" if refill == "step" else "ftte", **changes)
    clock = Clock()
    order = FreeOrder(replace(PREPARED, scenario=scenario), 1.0, True, clock)
    idle, flying, applied = set(range(12)), dict[int, int](), list[int]()
    for _ in range(data.draw(st.integers(1, 40))):
        while (start := order.start(sorted(idle))) is not None:
            idle.remove(start.client)
            flying[start.participation] = start.client
        assert len(flying) <= order.policy.concurrency
        if not flying:
            break
        clock.now_s += 0.01
        p = data.draw(st.sampled_from(sorted(flying)))
        idle.add(flying.pop(p))
        if data.draw(st.booleans()):
            order.arrived(p, (0.0, 0.0, 0.0))
        else:
            order.lost(p)
        while (members := order.due()) is not None:
            full = len(members) == order.policy.buffer
            assert full or (refill == "step" and not flying)
            applied += members.tolist()
            for late in order.stepped(members):
                idle.add(flying.pop(late))
    timeline = order.prepared.timeline
    assert timeline.applied.tolist() == applied
    assert len(set(applied)) == len(applied)
    assert (timeline.staleness >= 0).all()
    if scenario.max_staleness is not None:
        # An update may grow older in the buffer only by steps that it had to wait for.
        assert (timeline.fate[applied] == Fate.APPLIED).all()
    assert sum(timeline.counts().values()) == len(timeline)


def test_a_node_that_is_cut_off_loses_its_own_update_and_comes_back() -> None:
    prepared = prepare(THREE.replace(max_updates=None, horizon_s=1e4).as_method("ftte"))
    with FullRoom(nodes=3, lost_s=2.0) as full:
        seen: list[str] = []
        others = 0
        events = full.room.free(prepared, seconds=1e5, throttle=False)
        for event in itertools.islice(events, 200_000):
            if not isinstance(event, Noticed):
                continue
            other = event.node != "node-2"
            others += other and "cut" in seen and event.what == "arrived"
            if event.what == "sent" and not other and "cut" not in seen:
                full.nodes.cut("node-2")
                seen.append("cut")
            elif not other and (event.what in ("void", "lost", "joined") or "joined" in seen):
                seen.append(event.what)
            if event.what == "lost" and not other:
                full.nodes.start("node-2")
            if seen[-1:] == ["arrived"]:
                break
        events.close()  # type: ignore[attr-defined]
        assert others > 0
        # The cut may come after the answer was sent: then there is nothing to lose.
        kept = [what for what in seen if what not in ("void", "sent")]
        assert kept == ["cut", "lost", "joined", "arrived"]
        assert full.room.reception.counts["lost"] == 1


@pytest.fixture(scope="module")
def free_run(full_room: FullRoom) -> RealRun:
    prepared = prepare(THREE.replace(horizon_s=100.0).as_method("ftte"))
    events = full_room.room.free(prepared, seconds=2.0)
    return follow_run(events, prepared)


def test_a_free_run_keeps_its_books(free_run: RealRun) -> None:
    timeline, jobs = free_run.measured.timeline, free_run.jobs
    sizes = np.diff(timeline.step_end, prepend=0)
    assert set(sizes.tolist()) == {2}
    assert len(jobs) == len(timeline)
    done = jobs[jobs["outcome"] == "buffered"]
    assert len(done) >= len(timeline.applied)
    took = done[["download_s", "compute_s", "upload_s"]].to_numpy()
    pace = done[["pace_download_s", "pace_compute_s", "pace_upload_s"]].to_numpy()
    assert (took >= pace - 0.02).all()  # a wait may end a tick of the clock early
    last = free_run.history.points.iloc[-1]
    assert last["updates"] == len(timeline.applied)
    facts = free_run.history.facts
    assert facts["fates"] == timeline.counts()
    assert facts["mean_staleness"] == timeline.staleness.mean()


def test_tables_compare_prediction_and_measurement(free_run: RealRun) -> None:
    table = comparison(free_run).set_index("quantity")
    traffic = free_run.predicted.traffic
    for name, size in (("upload", traffic.upload), ("download", traffic.download)):
        assert table.loc[name, "predicted"] == table.loc[name, "measured"] == size
    assert table.loc["first download", "measured"] == traffic.once + traffic.index
    assert table.loc["upload, framed", "measured"] > traffic.upload
    assert table.loc["compute time", "measured"] > 0
    jobs = free_run.jobs[free_run.jobs["client"] == 1].sort_values("sent_s")
    waits = jobs["sent_s"].to_numpy()[1:] - jobs["arrived_s"].to_numpy()[:-1]
    assert (waits > 0).all()
    assert 0 < table.loc["wait for the next job", "measured"] < free_run.real_s / 3
    ages = staleness_table(free_run)
    assert ages["measured"].sum() == pytest.approx(1)
    measured = free_run.measured.timeline.staleness
    assert (ages["staleness"] * ages["measured"]).sum() == pytest.approx(measured.mean())
    arrivals = arrival_table(free_run)["measured_s"].dropna()
    assert arrivals.is_monotonic_increasing
    points = accuracy_table(free_run, free_run.history)
    assert set(points["source"]) == {"measured", "simulated"}
    np.testing.assert_allclose(points["real_s"], points["sim_seconds"] * free_run.scale)


def test_a_step_holds_on_each_node_what_the_bill_says(free_run: RealRun) -> None:
    found = memory_table(free_run)
    jobs = free_run.jobs
    done = set(jobs.loc[jobs["outcome"] == "buffered", "client"])
    assert len(done) >= 2
    assert done <= set(found["client"])  # a straggler's first job may end after the run
    np.testing.assert_allclose(found["measured"], found["predicted"], rtol=1e-3)
    assert (found["micro_batch"] == THREE.batch).all()
    assert (found["process_growth"] >= 0).all()
    row = comparison(free_run).set_index("quantity").loc["tensor peak"]
    assert row["predicted"] == free_run.predicted.bill.peak_bytes
    assert row["measured"] == pytest.approx(row["predicted"], rel=1e-3)


def test_order_agreement_is_one_for_one_order_and_zero_for_the_opposite() -> None:
    timeline = prepare(TINY.as_method("ftte")).timeline
    assert order_agreement(timeline, timeline) == 1
    turned = replace(timeline, arrival_s=timeline.arrival_s.max() - timeline.arrival_s)
    assert order_agreement(timeline, turned) < 0.05  # equal times keep their order in both


def test_a_free_run_needs_a_client_per_node(full_room: FullRoom) -> None:
    with pytest.raises(ValueError, match="12 clients on 3 nodes; allowed: equally many"):
        full_room.room.free(TINY)
    for changes in ({"combine": "models"}, {"batteries": True}, {"max_participations": 3}):
        with pytest.raises(ValueError, match="with real arrivals"):
            full_room.room.free(THREE.replace(**changes))


def test_stepped_events_come_in_order(full_room: FullRoom) -> None:
    prepared = prepare(THREE.as_method("fedavg"))
    events = full_room.room.free(prepared, seconds=30.0, throttle=False)
    steps = [event for event in events if isinstance(event, Stepped)]
    assert [event.version for event in steps] == list(range(1, len(steps) + 1))
    assert all(sorted(event.clients.tolist()) == [0, 1, 2] for event in steps)
    assert all((event.ages == 0).all() for event in steps)
