"""Check one subset per kind of device, server momentum and the averaged model by a plain loop."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import cross_entropy

from ftte_lab.models import Params, extract, flatten_trained, index_bytes, pack
from ftte_lab.server import Fate
from ftte_lab.simulation import Finished, Prepared, Scenario, prepare, simulate
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


def final(prepared: Prepared, processes: int = 1) -> Finished:
    *_, last = simulate(prepared, processes=processes)
    assert isinstance(last, Finished)
    return last


def masks(prepared: Prepared) -> list[Params]:
    """Mark with 1 where each tier trains, per tensor of the full model."""
    out = []
    for tier in prepared.tiers.tiers:
        mask = {name: torch.zeros_like(p) for name, p in prepared.federation.params.items()}
        for name, channels in tier.plan.subset.parts.items():
            axis = prepared.federation.model.tensors[name].axis
            at = range(mask[name].shape[axis]) if channels is None else channels
            for channel in at:
                mask[name].select(axis, channel).fill_(1.0)
        out.append(mask)
    return out


def trained(prepared: Prepared, start: Params, p: int, mask: Params) -> Params:
    """Train one client by autograd on the full model, of which only `mask` moves."""
    s, w = prepared.scenario, prepared.federation
    client, visit = int(prepared.timeline.client[p]), int(prepared.timeline.visit[p])
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


def plain_run(prepared: Prepared) -> Params:
    """Run a plain loop over full models: coverage-weighted mean, momentum, running average."""
    s, timeline, mask = prepared.scenario, prepared.timeline, masks(prepared)
    versions, recent = [dict(prepared.federation.params)], list[float]()
    velocity = {name: torch.zeros_like(p) for name, p in versions[0].items()}
    average = versions[0]
    for j in range(len(timeline.step_s)):
        members = timeline.buffer_of(j)
        tiers = [int(prepared.tiers.tier_of_client[timeline.client[p]]) for p in members]
        updates = [
            trained(prepared, versions[timeline.version[p]], p, mask[t])
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
def test_run_with_tiers_equals_a_plain_loop(extra: dict[str, float]) -> None:
    prepared = prepare(TIERS.replace(**extra))
    assert len(prepared.tiers) == 2
    assert len(prepared.timeline.step_s) > 3
    got, expected = final(prepared).params, plain_run(prepared)
    for name in expected:
        torch.testing.assert_close(got[name], expected[name], rtol=1e-4, atol=2e-5)


def test_tiers_keep_memory_and_payload_and_the_union_holds_them() -> None:
    prepared = prepare(TIERS)
    model, params = prepared.federation.model, prepared.federation.params
    fleet, tiers = prepared.federation.fleet, prepared.tiers
    weak, strong = tiers.tiers
    assert weak.kinds == ("sensor",)
    assert set(strong.kinds) == {"watch", "phone"}
    assert weak.bill.peak_bytes <= 120 * 1024 < strong.bill.peak_bytes
    for tier in tiers.tiers:
        assert tier.plan.subset.entries(model) <= 0.3 * model.size
        assert len(pack(extract(model, tier.plan.subset, params))) == tier.traffic.upload
        assert len(pack(extract(model, tiers.union.subset, params))) == tier.traffic.download
        assert tier.traffic.index == index_bytes(tier.plan.subset)
    for client, kind in enumerate(fleet.kind):
        assert kind in tiers.tiers[tiers.tier_of_client[client]].kinds
    row = flatten_trained(model, tiers.union.subset, params)
    for tier, columns, covered in zip(tiers.tiers, tiers.columns, tiers.coverage, strict=True):
        assert torch.equal(row[columns], flatten_trained(model, tier.plan.subset, params))
        assert covered.sum() == len(columns) == tier.plan.subset.entries(model)
    assert bool((tiers.coverage.sum(0) > 0).all())
    assert prepared.holds.all()


def test_cost_ledger_counts_the_bytes_of_each_tier() -> None:
    prepared = prepare(TIERS)
    last, t = final(prepared).history.points.iloc[-1], prepared.timeline
    by_tier = [tier.traffic for tier in prepared.tiers.tiers]
    sent = started = once = index = 0
    for p in range(len(t)):
        traffic = by_tier[prepared.tiers.tier_of_client[t.client[p]]]
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
    facts = final(prepared).history.facts
    assert [tier["clients"] for tier in facts["tiers"]] == [6, 6]
    overheads = [tier["overhead_bytes"] for tier in facts["tiers"]]
    assert facts["mean_overhead_bytes"] == np.mean(overheads)
    assert facts["overhead_bytes"] == overheads[0]


def test_kinds_with_one_subset_are_one_tier() -> None:
    one = TIERS.replace(mix={"sensor": 1.0})
    assert len(prepare(one).tiers) == 1
    a, b = final(prepare(one)), final(prepare(one.replace(subset_per="fleet")))
    pd.testing.assert_frame_equal(a.history.points, b.history.points, check_exact=True)


@pytest.mark.usefixtures("loaded_workers")
def test_workers_change_no_bit_of_a_run_with_tiers() -> None:
    prepared = prepare(TIERS.replace(clients=24, concurrency=20, horizon_s=120.0))
    alone, together = final(prepared, 1), final(prepared, 2)
    pd.testing.assert_frame_equal(alone.history.points, together.history.points, check_exact=True)
    assert all(torch.equal(alone.params[name], value) for name, value in together.params.items())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"subset_per": "tier"}, "subset_per"),
        ({"max_updates": 0}, "max_updates"),
        ({"server_momentum": 1.0}, "server_momentum"),
        ({"server_average": -0.1}, "server_average"),
        ({"variance": "buffer"}, "variance = 'buffer' with subset_per = 'kind'"),
    ],
)
def test_scenario_explains_wrong_settings_of_tiers(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        TIERS.replace(**change)
