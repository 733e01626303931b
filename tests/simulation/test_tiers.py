"""A subset per kind of device, server momentum, the averaged model: against a plain loop, and against their claims."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from ftte_lab.models import Params, index_bytes, pack, row_of, take
from ftte_lab.server import Fate, aggregation
from ftte_lab.simulation import Evaluated, Finished, Prepared, Scenario, prepare, simulate
from ftte_lab.training import draw_batches

TIERS = Scenario(
    data="digits",
    clients=12,
    concurrency=8,
    buffer=4,
    batch=6,
    local_steps=2,
    client_rate=0.2,
    horizon_s=60.0,
    evaluations=12,
    warm_start_steps=20,
    budget_kib=120.0,
    payload_share=0.3,
    subset_per="kind",
    age_exponent=0.7,
    variance_exponent=0.5,
    server_rate=1.3,
)


def final(ready: Prepared, processes: int = 1) -> Finished:
    *_, last = simulate(ready, processes=processes)
    assert isinstance(last, Finished)
    return last


def masks(ready: Prepared) -> list[Params]:
    """1 where a tier trains, per tensor of the whole model, found by asking which entries `take` hands out."""
    out = []
    for tier in ready.tiers.all:
        mask = {name: torch.zeros_like(p) for name, p in ready.federation.params.items()}
        for name, channels in tier.plan.subset.parts.items():
            axis = ready.federation.model.tensors[name].axis
            at = range(mask[name].shape[axis]) if channels is None else channels
            for channel in at:
                mask[name].select(axis, channel).fill_(1.0)
        out.append(mask)
    return out


def trained(ready: Prepared, start: Params, p: int, mask: Params) -> Params:
    """One client's update by autograd on the whole model, of which only `mask` moves."""
    s, w = ready.scenario, ready.federation
    client, visit = int(ready.timeline.client[p]), int(ready.timeline.visit[p])
    shard, mine = w.shards.train[client], {name: v.clone() for name, v in start.items()}
    for rows in draw_batches(
        len(shard), s.local_steps, s.batch, seed=s.seed, client=client, visit=visit
    ):
        at = shard[rows]
        leaves = {name: v.requires_grad_() for name, v in mine.items()}
        x, y = torch.as_tensor(w.dataset.x_train[at]), torch.as_tensor(w.dataset.y_train[at])
        loss = cross_entropy(w.model.forward(leaves, x), y)
        grads = torch.autograd.grad(loss, list(leaves.values()))
        mine = {
            n: (v - s.client_rate * mask[n] * g).detach()
            for (n, v), g in zip(leaves.items(), grads, strict=True)
        }
    return {name: mine[name] - start[name] for name in mine}


def by_hand(ready: Prepared) -> Params:
    """The whole run as a plain loop over full models: coverage-weighted mean, heavy ball, running average."""
    s, timeline, mask = ready.scenario, ready.timeline, masks(ready)
    versions, recent = [dict(ready.federation.params)], list[float]()
    velocity = {name: torch.zeros_like(p) for name, p in versions[0].items()}
    average = versions[0]
    for j in range(len(timeline.step_s)):
        members = timeline.buffer_of(j)
        tiers = [int(ready.tiers.of[timeline.client[p]]) for p in members]
        updates = [
            trained(ready, versions[timeline.version[p]], p, mask[t])
            for p, t in zip(members, tiers, strict=True)
        ]
        flat = [
            torch.cat([u[n][mask[t][n] > 0] for n in u])
            for u, t in zip(updates, tiers, strict=True)
        ]
        v = np.array([float(f.double().var(unbiased=False)) for f in flat])
        reference = float(np.median(recent[-100:] if recent else v))
        recent += v.tolist()
        ages = j - timeline.version[members]
        weight = (1.0 + ages) ** -s.age_exponent / (1 + v / reference) ** s.variance_exponent
        weight = weight / weight.sum()
        new = {}
        for name, old in versions[-1].items():
            moved = sum(w * u[name] for w, u in zip(weight, updates, strict=True))
            heard = sum(w * mask[t][name] for w, t in zip(weight, tiers, strict=True))
            step = s.server_rate * torch.where(heard > 0, moved / heard.clamp_min(1e-9), 0.0)
            velocity[name] = step + s.server_momentum * velocity[name]
            new[name] = old + velocity[name]
        share = min(s.server_average, j / (j + 9))
        average = {n: share * average[n] + (1 - share) * new[n] for n in new}
        versions.append(new)
    return average


@pytest.mark.parametrize(
    "extra", [{}, {"server_momentum": 0.6, "server_rate": 0.4}, {"server_average": 0.9}]
)
def test_a_run_with_tiers_is_a_plain_loop(extra: dict[str, float]) -> None:
    ready = prepare(TIERS.replace(**extra))
    assert len(ready.tiers) == 2
    assert len(ready.timeline.step_s) > 3
    got, expected = final(ready).params, by_hand(ready)
    for name in expected:
        torch.testing.assert_close(got[name], expected[name], rtol=1e-4, atol=2e-5)


def test_each_tier_obeys_its_memory_and_the_payload_and_the_union_holds_them_all() -> None:
    ready = prepare(TIERS)
    model, fleet, tiers = ready.federation.model, ready.federation.fleet, ready.tiers
    weak, strong = tiers.all
    assert weak.kinds == ("sensor",)
    assert set(strong.kinds) == {"watch", "phone"}
    assert weak.bill.peak_bytes <= 120 * 1024 < strong.bill.peak_bytes
    for tier in tiers.all:
        assert tier.plan.subset.entries(model) <= 0.3 * model.size
        assert (
            len(pack(take(model, tier.plan.subset, ready.federation.params))) == tier.traffic.upload
        )
        assert (
            len(pack(take(model, tiers.union.subset, ready.federation.params)))
            == tier.traffic.download
        )
        assert tier.traffic.index == index_bytes(tier.plan.subset)
    for client, kind in enumerate(fleet.kind):
        assert kind in tiers.all[tiers.of[client]].kinds
    whole = row_of(model, tiers.union.subset, ready.federation.params)
    for tier, columns, covered in zip(tiers.all, tiers.columns, tiers.covered, strict=True):
        assert torch.equal(whole[columns], row_of(model, tier.plan.subset, ready.federation.params))
        assert covered.sum() == len(columns) == tier.plan.subset.entries(model)
    assert bool((tiers.covered.sum(0) > 0).all())
    assert ready.holds.all()


def test_the_books_count_each_device_s_own_bytes() -> None:
    ready = prepare(TIERS)
    last, t = final(ready).history.points.iloc[-1], ready.timeline
    by_tier = [tier.traffic for tier in ready.tiers.all]
    sent = started = once = index = 0
    for p in range(len(t)):
        traffic = by_tier[ready.tiers.of[t.client[p]]]
        arrived = (
            t.fate[p] in (Fate.APPLIED, Fate.BUFFERED) and t.arrival_s[p] <= last["sim_seconds"]
        )
        sent += traffic.upload * arrived
        if t.start_s[p] < last["sim_seconds"]:
            first = t.visit[p] == 0
            started += traffic.download * (not first)
            once, index = once + traffic.once * first, index + traffic.index * first
    columns = ["upload_bytes", "download_bytes", "first_download_bytes", "index_bytes"]
    assert last[columns].tolist() == [sent, started, once, index]
    assert last["total_bytes"] == sent + started + once + index
    facts = final(ready).history.facts
    assert [tier["clients"] for tier in facts["tiers"]] == [6, 6]
    overheads = [tier["overhead_bytes"] for tier in facts["tiers"]]
    assert facts["mean_overhead_bytes"] == np.mean(overheads)
    assert facts["overhead_bytes"] == overheads[0]


def test_kinds_that_train_the_same_are_one_tier_and_change_nothing() -> None:
    one = TIERS.replace(mix={"sensor": 1.0})
    assert len(prepare(one).tiers) == 1
    a, b = final(prepare(one)), final(prepare(one.replace(subset_per="fleet")))
    pd.testing.assert_frame_equal(a.history.points, b.history.points, check_exact=True)


def test_a_helper_changes_no_bit_of_a_run_with_tiers(monkeypatch: pytest.MonkeyPatch) -> None:
    from ftte_lab.simulation.workers.pool import WorkerPool

    begin = WorkerPool.__init__

    def patient(self: WorkerPool, *arguments: object) -> None:
        begin(self, *arguments)  # type: ignore[arg-type]
        while not all(h.ready == self.run for h in self.all):
            self.free()

    monkeypatch.setattr(WorkerPool, "__init__", patient)
    ready = prepare(TIERS.replace(clients=24, concurrency=20, horizon_s=120.0))
    alone, together = final(ready, 1), final(ready, 2)
    pd.testing.assert_frame_equal(alone.history.points, together.history.points, check_exact=True)
    assert all(torch.equal(alone.params[name], value) for name, value in together.params.items())


@settings(deadline=None)
@given(
    rows=st.lists(st.lists(st.floats(-3, 3), min_size=4, max_size=4), min_size=1, max_size=5),
    marks=st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=5, max_size=5),
    scale=st.floats(0.1, 2),
)
def test_coverage_weighs_who_speaks_for_an_entry(
    rows: list[list[float]], marks: list[list[bool]], scale: float
) -> None:
    d, m = (
        torch.tensor(rows, dtype=torch.float64),
        torch.tensor(marks[: len(rows)], dtype=torch.float64),
    )
    x, c = torch.arange(4, dtype=torch.float64), scale * np.arange(1, len(rows) + 1) / len(rows)
    got = aggregation.combine(x, d, c, 0.5, m)
    for j in range(4):
        who = [i for i in range(len(rows)) if m[i, j]]
        mean = sum(c[i] * d[i, j] for i in who) / sum(c[i] for i in who) if who else 0.0
        assert float(got[j]) == pytest.approx(float(x[j] + 0.5 * c.sum() * mean), abs=1e-9)
    everywhere = torch.ones_like(m)
    torch.testing.assert_close(
        aggregation.combine(x, d, c, 0.5, everywhere), aggregation.combine(x, d, c, 0.5)
    )


def test_the_variance_of_an_update_is_that_of_the_entries_it_speaks_for() -> None:
    rows, marks = (
        torch.tensor([[1.0, 3.0, 0.0], [0.0, 2.0, 4.0]]),
        torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]),
    )
    assert aggregation.variance_entries(rows, marks).tolist() == [1.0, 1.0]


def test_a_run_of_so_many_updates_is_the_beginning_of_the_whole_one() -> None:
    s = Scenario(
        data="digits",
        model="mlp",
        clients=12,
        concurrency=6,
        buffer=3,
        batch=5,
        client_rate=0.2,
        horizon_s=400.0,
        evaluations=60,
        budget_kib=40.0,
        warm_start_steps=0,
        seed=2,
    )
    whole, short = final(prepare(s)).history, final(prepare(s.replace(max_updates=100))).history
    assert 10 < len(short.points) < len(whole.points)
    assert (
        short.points["updates"].iloc[-1] <= 102
    )  # of buffers of three, the one that holds the hundredth is the last
    assert len(prepare(s.replace(max_updates=100)).timeline.step_s) == 34
    n = len(short.points) - 1  # its last step may come before the last tick of the whole run's grid
    pd.testing.assert_frame_equal(short.points.iloc[:n], whole.points.iloc[:n], check_exact=True)


def test_what_is_evaluated_is_what_is_shipped() -> None:
    ready = prepare(TIERS.replace(server_average=0.9))
    *events, last = simulate(ready, processes=1)
    assert isinstance(last, Finished)
    point = next(e for e in reversed(events) if isinstance(e, Evaluated)).point
    y = torch.as_tensor(ready.federation.dataset.y_test)
    right = (
        ready.federation.model.forward(
            last.params, torch.as_tensor(ready.federation.dataset.x_test)
        ).argmax(1)
        == y
    )
    assert point["accuracy"] == pytest.approx(float(right.double().mean()))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"subset_per": "tier"}, "subset_per"),
        ({"max_updates": 0}, "max_updates"),
        ({"server_momentum": 1.0}, "server_momentum"),
        ({"server_average": -0.1}, "server_average"),
        ({"variance": "buffer"}, "variance = 'buffer' with subset_per = 'kind'"),
    ],
)
def test_wrong_settings_are_named(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TIERS.replace(**change)
