"""Check a subset that is redrawn in phases: against the static run, a plain loop, and messages."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ftte_lab.devices import energy_j, participation_times
from ftte_lab.models import (
    Params,
    Subset,
    extract,
    flatten_trained,
    from_rows,
    index_bytes,
    insert,
    pack,
)
from ftte_lab.server import Fate, Neglect, neglect_cap
from ftte_lab.simulation import Finished, Prepared, Scenario, Stepped, prepare, simulate
from ftte_lab.simulation.cost_ledger import CostLedger
from ftte_lab.simulation.global_model import GlobalModel
from ftte_lab.simulation.phases import boundaries, union_of
from ftte_lab.simulation.trainer import Trainer
from ftte_lab.simulation.workers.worker import Task
from tests.simulation.test_tiers import final, masks, trained
from tests.tiny import TINY

PHASED = Scenario(
    data="digits",
    clients=12,
    concurrency=8,
    buffer=3,
    batch=6,
    local_steps=2,
    client_rate=0.2,
    horizon_s=160.0,
    evaluations=30,
    warm_start_steps=20,
    budget_kib=1e6,
    payload_share=0.25,
    age_exponent=0.7,
    variance_exponent=0.5,
    server_rate=1.3,
    server_average=0.9,
    phases=4,
    first_phase=0.4,
)

EARLIER = 100.0
"""A budget in KiB under which later phases train earlier layers than the first one."""


def versions(prepared: Prepared) -> list[Params]:
    """Return the parameters of each version, as the engine makes them."""
    server, trainer = GlobalModel(prepared), Trainer(prepared)
    out = [server.params]
    for version in range(len(prepared.timeline.step_s)):
        trainer.train(version, server.params, server.row)
        server.step(version, trainer.take(version))
        out.append(server.params)
    return out


def plain_steps(prepared: Prepared, made: list[Params]) -> Iterator[Params]:
    """Make each version from those before by a plain loop over full models.

    An update is 0 outside of its own subset, and has its own weight everywhere.
    """
    s, timeline, mask = prepared.scenario, prepared.timeline, masks(prepared)
    recent = list[float]()
    for j in range(len(timeline.step_s)):
        members = timeline.buffer_of(j)
        tiers = np.searchsorted(timeline.redrawn, timeline.version[members], side="right").tolist()
        updates = [
            trained(prepared, made[timeline.version[p]], p, mask[t])
            for p, t in zip(members, tiers, strict=True)
        ]
        v = np.array(
            [
                float(torch.cat([u[n][mask[t][n] > 0] for n in u]).double().var(unbiased=False))
                for u, t in zip(updates, tiers, strict=True)
            ]
        )
        reference = float(np.median(recent[-100:] if recent else v))
        recent += v.tolist()
        ages = j - timeline.version[members]
        weight = (1.0 + ages) ** -s.age_exponent / (1 + v / reference) ** s.variance_exponent
        weight = weight / weight.sum()
        if s.combine == "models":
            for update, p, t in zip(updates, members, tiers, strict=True):
                for name, start in made[timeline.version[p]].items():
                    update[name] = update[name] + mask[t][name] * (start - made[j][name])
        weighted = list(zip(weight, updates, strict=True))
        yield {
            name: old + s.server_rate * sum(w * update[name] for w, update in weighted)
            for name, old in made[j].items()
        }


@pytest.mark.parametrize("combine", ["updates", "models"])
def test_each_step_equals_a_plain_loop(combine: str) -> None:
    prepared = prepare(PHASED.replace(combine=combine))
    t = prepared.timeline
    assert len(t.redrawn) == 3
    late = t.phase[t.applied] < t.phase_at(t.step[t.applied])
    assert late.sum() > 3  # updates of an earlier phase
    subsets = [tier.plan.subset for tier in prepared.tiers.tiers]
    assert len({subset.to_json() for subset in subsets}) == 4
    made = versions(prepared)
    for got, expected in zip(made[1:], plain_steps(prepared, made), strict=True):
        for name in expected:
            torch.testing.assert_close(got[name], expected[name], rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"budget_kib": EARLIER},  # the cache of later phases starts earlier
        {"buffer": 1, "concurrency": 5},  # clients of several versions are trained together
        {"refill": "step", "buffer": 4, "concurrency": 4, "max_updates": 60, "horizon_s": 900.0},
        {"combine": "models", "correction": "proximal"},
        {
            "mean": "median",
            "variance": "steps",
            "solver": "pure_random",
            "granularity": "layer",
            "gain_exponent": 0.5,
        },
    ],
)
def test_first_phase_is_the_static_run_to_the_last_bit(changes: dict[str, Any]) -> None:
    phased = prepare(PHASED.replace(**changes))
    static = prepare(PHASED.replace(phases=1, **changes))
    assert phased.tiers.tiers[0].plan.subset == static.plan.subset
    assert len(phased.timeline.redrawn) > 0
    until = int(phased.timeline.redrawn[0])
    assert until > 3
    if changes.get("budget_kib") == EARLIER:
        assert phased.tiers.starts[-1] < phased.tiers.starts[0] == static.tiers.starts[0]
    a, b = list(simulate(phased, processes=1)), list(simulate(static, processes=1))
    for mine, theirs in zip(steps(a)[:until], steps(b)[:until], strict=True):
        assert mine.sim_seconds == theirs.sim_seconds
        for name in ("clients", "ages", "variances", "weights"):
            assert np.array_equal(getattr(mine, name), getattr(theirs, name)), name
    before = [table[table["version"] <= until] for table in (points(a), points(b))]
    assert len(before[0]) > 2
    pd.testing.assert_frame_equal(*before, check_exact=True)


def steps(events: list[Any]) -> list[Stepped]:
    return [event for event in events if isinstance(event, Stepped)]


def points(events: list[Any]) -> pd.DataFrame:
    last = events[-1]
    assert isinstance(last, Finished)
    return last.history.points


def test_one_phase_is_what_there_was_before() -> None:
    prepared = prepare(PHASED.replace(phases=1, first_phase=0.3))
    assert prepared.tiers.phases is None
    assert len(prepared.timeline.redrawn) == 0
    assert not prepared.timeline.oldest.any()
    assert (
        prepared.scenario.replace(first_phase=0.5).digest()
        == PHASED.replace(phases=1, first_phase=0.5).digest()
    )


@settings(deadline=None, max_examples=8)
@given(
    model=st.sampled_from(["mlp", "cnn", "mcunet-s"]),
    payload=st.floats(0.15, 0.8),
    budget=st.none() | st.floats(150.0, 300.0),
    phases=st.integers(2, 6),
    exponent=st.sampled_from([0.5, 1.0]),
    micro_batch=st.sampled_from([None, "auto"]),
)
def test_every_phase_keeps_memory_and_payload(
    model: str,
    payload: float,
    budget: float | None,
    phases: int,
    exponent: float,
    micro_batch: str | None,
) -> None:
    s = TINY.replace(
        model=model,
        payload_share=payload,
        budget_kib=budget or 1e6,
        gain_exponent=exponent,
        micro_batch=micro_batch,
        phases=phases,
    )
    tiers = prepare(s).tiers
    assert len(tiers) == phases
    net = tiers.union.model
    for tier in tiers.tiers:
        assert tier.choice is not None
        assert tier.choice.proven
        assert tier.bill.peak_bytes == tier.choice.peak_bytes <= (budget or 1e6) * 1024
        assert tier.plan.subset.entries(net) <= payload * net.size
        assert {"head.weight", "head.bias"} <= set(tier.plan.subset.parts)
    covered = union_of(net, [tier.plan.subset for tier in tiers.tiers])
    assert covered == tiers.union.subset
    assert bool((tiers.coverage.sum(0) > 0).all())


def test_neglected_channels_come_within_the_cap() -> None:
    """With many phases each channel that can be trained at all is, and none waits for ever."""
    prepared = prepare(TINY.replace(budget_kib=1e6, payload_share=0.3, phases=20))
    model, tiers = prepared.federation.model, prepared.tiers.tiers
    subsets = [tier.plan.subset for tier in tiers]
    head = sum(model.tensors[name].size for name in ("head.weight", "head.bias"))
    cap = neglect_cap(model.size, head, subsets[0].entries(model))
    assert cap < 15
    neglect, overdue = Neglect.none(model), 0
    for subset in subsets:
        late = {
            (name, c) for name, zs in neglect.phases.items() for c, z in enumerate(zs) if z >= cap
        }
        wanted = union_of(model, [Subset(dict.fromkeys({n for n, _ in late}))])
        inside = {
            (name, c)
            for name, c in late
            if name in subset and (subset.parts[name] is None or c in (subset.parts[name] or ()))
        }
        if late and wanted.entries(model) + head <= 0.3 * model.size:
            assert inside == late
        overdue += len(late)
        neglect = neglect.after(subset)
    assert overdue  # so the cap was needed
    assert prepared.tiers.union.subset.entries(model) == model.size
    # It takes some phases until all that became overdue at once have had their turn.
    assert max(max(zs) for zs in neglect.phases.values()) < cap + 4


def test_devices_have_the_model_after_what_they_downloaded() -> None:
    """Keep a model per device, and put in what it downloads: it must be the server's, all of it."""
    prepared = prepare(PHASED)
    t, model, params = prepared.timeline, prepared.federation.model, prepared.federation.params
    subsets = [tier.plan.subset for tier in prepared.tiers.tiers]
    made, device = versions(prepared), dict[int, Params]()
    sent = dict.fromkeys(("download", "first", "index", "upload"), 0)
    for p in range(len(t)):
        client, now = int(t.client[p]), made[t.version[p]]
        if client not in device:
            device[client] = now
            sent["first"] += len(pack(now))
        else:
            subset = union_of(model, subsets[t.oldest[p] : t.phase[p] + 1])
            message = extract(model, subset, now)
            sent["download"] += len(pack(message))
            device[client] = insert(model, subset, device[client], message)
        assert all(torch.equal(device[client][name], now[name]) for name in params)
        news = [k for k in range(len(subsets)) if t.indexed[p] >> k & 1]
        sent["index"] += sum(index_bytes(subsets[k]) for k in news)
        if t.fate[p] in (Fate.APPLIED, Fate.BUFFERED, Fate.STALE):
            sent["upload"] += len(pack(extract(model, subsets[t.phase[p]], now)))
    counted = CostLedger(prepared).until(np.inf, 0)
    assert counted["download_bytes"] == sent["download"]
    assert counted["first_download_bytes"] == sent["first"]
    assert counted["index_bytes"] == sent["index"]
    assert counted["upload_bytes"] == sent["upload"]
    own = [prepared.tiers.tiers[k].traffic.download for k in t.phase]
    assert sent["download"] > sum(np.array(own)[t.visit > 0])  # some had to catch up


def test_energy_and_flops_follow_the_phase_and_the_download() -> None:
    prepared = prepare(PHASED.replace(jitter=0.0))
    s, t, fleet = prepared.scenario, prepared.timeline, prepared.federation.fleet
    model, params = prepared.federation.model, prepared.federation.params
    plans = [tier.plan for tier in prepared.tiers.tiers]
    for p in range(0, len(t), 7):
        k, client = int(t.phase[p]), int(t.client[p])
        size = union_of(model, [plan.subset for plan in plans[t.oldest[p] : k + 1]])
        flops = s.local_steps * s.batch * (plans[k].forward_flops() + plans[k].backward_flops())
        times = participation_times(
            fleet,
            download_bytes=len(pack(extract(model, size, params))),
            upload_bytes=len(pack(extract(model, plans[k].subset, params))),
            flops=flops,
        )
        assert prepared.flops_per_update[p] == flops
        assert prepared.energy_per_update_j[p] == energy_j(fleet, times)[client]
        assert t.computed_s[p] - t.downloaded_s[p] == pytest.approx(times.compute_s[client])
        assert t.arrival_s[p] - t.computed_s[p] == pytest.approx(times.upload_s[client])


def test_running_average_goes_on_at_a_boundary() -> None:
    """Average all versions by hand: nothing restarts, and nothing is committed to the model."""
    prepared = prepare(PHASED)
    model, subset = prepared.federation.model, prepared.tiers.union.subset
    rows = [flatten_trained(model, subset, params).double() for params in versions(prepared)]
    average: Tensor = rows[0]
    for j, row in enumerate(rows[1:]):
        share = min(0.9, j / (j + 9))
        average = share * average + (1 - share) * row
    got = flatten_trained(model, subset, final(prepared).params).double()
    torch.testing.assert_close(got, average, rtol=1e-5, atol=1e-6)


def test_a_stale_message_of_another_phase_moves_only_what_is_read_of_it() -> None:
    """A device that replays its first update for ever cannot move what it does not train."""
    prepared = prepare(PHASED.replace(fault="replay", faulty_share=0.5))
    model, tiers, t = prepared.federation.model, prepared.tiers, prepared.timeline
    rows = [flatten_trained(model, tiers.union.subset, params) for params in versions(prepared)]
    for j, (before, after) in enumerate(pairwise(rows)):
        trained_now = tiers.coverage[torch.as_tensor(t.phase[t.buffer_of(j)])].sum(0) > 0
        assert torch.equal(before[~trained_now], after[~trained_now])


@pytest.mark.parametrize("changes", [{}, {"budget_kib": EARLIER}])
def test_workers_change_no_bit_of_a_phased_run(
    changes: dict[str, Any], sent_tasks: list[Task]
) -> None:
    prepared = prepare(PHASED.replace(clients=16, concurrency=14, buffer=5, **changes))
    assert len(prepared.timeline.redrawn) == 3
    alone, together = final(prepared, 1), final(prepared, 2)
    assert sent_tasks  # they did train
    pd.testing.assert_frame_equal(alone.history.points, together.history.points, check_exact=True)
    assert all(torch.equal(alone.params[name], value) for name, value in together.params.items())


def test_history_states_the_phases() -> None:
    prepared = prepare(PHASED)
    facts = final(prepared).history.facts
    begin = [phase["begin_s"] for phase in facts["phases"]]
    steps_s = prepared.timeline.step_s
    assert begin == [0.0, *(steps_s[v - 1] for v in prepared.timeline.redrawn)]
    assert all(b >= a * 160.0 for a, b in zip((0.4, 0.6, 0.8), begin[1:], strict=True))
    assert facts["peak_memory_bytes"] == max(t["peak_memory_bytes"] for t in facts["tiers"])
    assert {t["clients"] for t in facts["tiers"]} == {12}
    ever = [phase["trained_until_then"] for phase in facts["phases"]]
    assert ever == sorted(ever)
    assert ever[-1] == prepared.tiers.union.subset.entries(prepared.federation.model)


@given(phases=st.integers(2, 20), first=st.floats(0.05, 0.95))
def test_boundaries_share_the_rest_evenly(phases: int, first: float) -> None:
    at = np.array(boundaries(phases, first))
    assert len(at) == phases - 1
    assert at[0] == pytest.approx(first)
    np.testing.assert_allclose(np.diff([*at, 1.0]), (1 - first) / (phases - 1), rtol=1e-6)


@given(data=st.data())
def test_union_holds_what_any_subset_holds(data: st.DataObject) -> None:
    model = prepare(TINY).federation.model
    names = list(model.tensors)

    def subset() -> Subset:
        chosen = data.draw(st.sets(st.sampled_from(names), min_size=1))
        parts = dict[str, tuple[int, ...] | None]()
        for name in chosen:
            info = model.tensors[name]
            few = st.sets(st.integers(0, info.channels - 1), min_size=1)
            whole = info.kind != "weight" or data.draw(st.booleans())
            parts[name] = None if whole else tuple(sorted(data.draw(few)))
        return Subset(parts)

    subsets = [subset() for _ in range(data.draw(st.integers(1, 3)))]
    marked = {name: torch.zeros(info.shape) for name, info in model.tensors.items()}
    for one in subsets:
        ones = from_rows(model, one, torch.ones(one.entries(model)))
        marked = insert(model, one, marked, ones)
    both = union_of(model, subsets)
    assert flatten_trained(model, both, marked).all()
    assert both.entries(model) == sum(int(value.sum()) for value in marked.values())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"subset": "full"}, "phases = 4 with subset = 'full'"),
        ({"subset_per": "kind"}, "phases = 4 with subset_per = 'kind'"),
        ({"correction": "control_variates"}, "phases = 4 with correction"),
        ({"channels_by": "magnitude"}, "phases = 4 with channels_by"),
        ({"payload_bits": 8}, "phases = 4 with payload_bits = 8"),
        ({"batteries": True}, "phases = 4 with batteries"),
        ({"server_momentum": 0.5}, "phases = 4 with server_momentum = 0.5"),
        ({"variance": "buffer"}, "phases = 4 with variance = 'buffer'"),
        ({"phases": 21}, "phases = 21"),
        ({"first_phase": 1.0}, "first_phase = 1"),
    ],
)
def test_scenario_explains_what_does_not_go_with_phases(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        PHASED.replace(**change)
