"""Check what travels in 16 and 8 bits: bytes, the values that arrive, and what is refused."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ftte_lab.models import BITS, RowFormat, extract, flatten_trained, frozen, index_bytes
from ftte_lab.server import Fate, rejections
from ftte_lab.simulation import Finished, Prepared, Scenario, federation, prepare, run, simulate
from ftte_lab.simulation.cohorts import ServerVersion
from ftte_lab.simulation.rounding import Rounding
from ftte_lab.simulation.workers.worker import Task
from ftte_lab.training import draw_batches
from tests.simulation.test_tiers import TIERS
from tests.tiny import TINY

# Everybody takes part in every round, so that no duration changes who trains what.
ROUNDS = TINY.as_method("fedavg").replace(concurrency=12, dropout=0.0, horizon_s=400.0)
RUNS: dict[str, Scenario] = {
    "subset": TINY,
    "full": TINY.as_method("fedbuff"),
    "one by one": TINY.as_method("fedasync"),
    "proximal": TINY.as_method("fedprox"),
    "tiers": TIERS,
}


def final(prepared: Prepared, processes: int = 1) -> Finished:
    *_, last = simulate(prepared, processes=processes)
    assert isinstance(last, Finished)
    return last


def small(s: Scenario, bits: int = 8, names: bool = False) -> Scenario:
    return s.replace(payload_bits=bits, payload_names=names)


class Spy:
    """Keep the lengths of the messages that a run really packs, by what they carry."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[tuple[RowFormat, int, bool]] = []
        pack = RowFormat.pack

        def kept(form: RowFormat, row: Tensor, draws: Any = None) -> bytes:
            message = pack(form, row, draws)
            self.sent.append((form, len(message), draws is not None))
            return message

        monkeypatch.setattr(RowFormat, "pack", kept)


@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("bits", [16, 8])
@pytest.mark.parametrize("name", ["subset", "full", "tiers"])
def test_ledger_counts_the_messages_that_are_packed(
    name: str, bits: int, names: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare(small(RUNS[name], bits, names))
    model, params, tiers = prepared.federation.model, prepared.federation.params, prepared.tiers
    spy = Spy(monkeypatch)
    last, t = final(prepared).history.points.iloc[-1], prepared.timeline
    down = {len_ for form, len_, _ in spy.sent if set(form.shapes) == set(tiers.union.subset.parts)}
    assert {tier.traffic.download for tier in tiers.tiers} <= down
    up = {len_ for _, len_, _ in spy.sent}
    assert up == {n for tier in tiers.tiers for n in (tier.traffic.upload, tier.traffic.download)}
    sent = started = once = index = 0
    for p in range(len(t)):
        traffic = tiers.tiers[tiers.tier_of_client[t.client[p]]].traffic
        arrived = t.fate[p] in (Fate.APPLIED, Fate.BUFFERED, Fate.STALE)
        sent += traffic.upload * bool(arrived and t.arrival_s[p] <= last["sim_seconds"])
        if t.start_s[p] < last["sim_seconds"]:
            first = t.visit[p] == 0 and traffic.once > 0
            started += traffic.download * (not first)
            once, index = once + traffic.once * first, index + traffic.index * first
    columns = ["upload_bytes", "download_bytes", "first_download_bytes", "index_bytes"]
    assert last[columns].tolist() == [sent, started, once, index]
    assert last["total_bytes"] == sent + started + once + index
    for tier in tiers.tiers:
        rest = frozen(model, tiers.union.subset)
        if not len(rest):
            assert tier.traffic.once == tier.traffic.index == 0
            continue
        form = RowFormat.of(model, rest, bits, names=names)
        row = torch.cat([value.flatten() for value in extract(model, rest, params).values()])
        assert tier.traffic.once == len(form.pack(row)) + tier.traffic.download
        assert tier.traffic.index == index_bytes(tier.plan.subset)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("name", RUNS)
def test_a_bare_row_has_no_byte_too_many(name: str, bits: int) -> None:
    prepared = prepare(small(RUNS[name], bits))
    model, union = prepared.federation.model, prepared.tiers.union.subset
    scales = 4 if bits == 8 else 0
    for tier in prepared.tiers.tiers:
        for sent, subset in (
            (tier.traffic.upload, tier.plan.subset),
            (tier.traffic.download, union),
        ):
            assert sent == bits // 8 * subset.entries(model) + scales * len(subset)
        assert tier.traffic.once == 0 or tier.traffic.once >= bits // 8 * model.size
    named = prepare(small(RUNS[name], bits, names=True)).traffic
    assert prepared.traffic.upload < named.upload
    assert prepared.traffic.download < named.download
    assert prepared.traffic.once <= named.once


def test_fewer_bits_make_every_participation_shorter_and_cheaper() -> None:
    runs = [prepare(small(TINY, bits)) for bits in BITS]
    for more, fewer in pairwise(runs):
        assert (fewer.times.download_s < more.times.download_s).all()
        assert (fewer.times.upload_s < more.times.upload_s).all()
        assert (fewer.energy_j < more.energy_j).all()
        assert np.array_equal(fewer.times.compute_s, more.times.compute_s)
        assert np.array_equal(fewer.slowest, more.slowest)


def plainly_rounded(row: Tensor, sizes: list[int], draws: np.ndarray | None) -> Tensor:
    """Round a row entry by entry to the steps of its tensor, in plain Python."""
    out, at = [], 0
    for size in sizes:
        part = row[at : at + size].tolist()
        scale = float(np.float32(max(map(abs, part))) / np.float32(127)) or 1.0
        for k, value in enumerate(part):
            below = math.floor(value / scale)
            rest = value / scale - below
            up = rest >= 0.5 if draws is None else rest >= 1 - draws[at + k]
            out.append(scale * (below + up))
        at += size
    return torch.tensor(out, dtype=torch.float32)


def plain_run(prepared: Prepared, *, rounds: bool) -> Tensor:
    """Run FedAvg of everything by autograd, with what arrives rounded by `plainly_rounded`."""
    s, w, timeline = prepared.scenario, prepared.federation, prepared.timeline
    sizes = [value.numel() for value in w.params.values()]
    x, y = torch.as_tensor(w.dataset.x_train), torch.as_tensor(w.dataset.y_train)

    def received(row: Tensor, draws: np.ndarray | None = None) -> Tensor:
        return plainly_rounded(row, sizes, draws) if rounds else row

    server = torch.cat([value.flatten() for value in w.params.values()])
    for version in range(len(timeline.step_s)):
        members = timeline.buffer_of(version)
        count = np.array([len(w.shards.train[timeline.client[p]]) for p in members])
        start, step = received(server), torch.zeros_like(server)
        for p, share in zip(members, count / count.sum(), strict=True):
            client, visit = int(timeline.client[p]), int(timeline.visit[p])
            shard, mine = w.shards.train[client], start
            for rows in draw_batches(
                len(shard), s.local_steps, s.batch, seed=s.seed, client=client, visit=visit
            ):
                leaf = mine.clone().requires_grad_()
                parts = [
                    part.reshape(value.shape)
                    for part, value in zip(leaf.split(sizes), w.params.values(), strict=True)
                ]
                named = dict(zip(w.params, parts, strict=True))
                at = torch.as_tensor(shard[rows])
                cross_entropy(w.model.forward(named, x[at]), y[at]).backward()
                assert leaf.grad is not None
                mine = mine - s.client_rate * leaf.grad
            draws = np.random.default_rng([4101, s.seed, client, visit]).random(len(server))
            step += share * received(mine - start, draws)
        server = server + step
    return server


def test_a_run_with_8_bits_equals_a_plain_loop() -> None:
    """It is far nearer to the loop that rounds than this is to the one that does not."""
    prepared = prepare(small(ROUNDS.replace(max_updates=36)))
    assert len(prepared.timeline.step_s) == 3
    got = torch.cat([value.flatten() for value in final(prepared).params.values()])
    expected, exact = plain_run(prepared, rounds=True), plain_run(prepared, rounds=False)
    assert (got - expected).norm() < 0.1 * (exact - expected).norm()
    start = torch.cat([value.flatten() for value in prepared.federation.params.values()])
    assert (exact - expected).norm() < 0.1 * (exact - start).norm()


def test_rounding_of_an_update_depends_on_seed_client_and_visit_alone() -> None:
    prepared = prepare(small(TINY))
    rounding, t = Rounding(prepared), prepared.timeline
    members = t.applied[:6]
    rows = torch.randn(6, rounding.down.sizes.sum(), generator=torch.Generator().manual_seed(0))
    together = rounding.uploaded(members, rows)
    alone = [rounding.uploaded(members[[k]], rows[[k]])[0] for k in reversed(range(6))]
    assert torch.equal(together, torch.stack(alone[::-1]))
    other = Rounding(prepare(small(TINY.replace(seed=1))))
    assert not torch.equal(other.uploaded(members[:1], rows[:1]), together[:1])
    same = rows[:1].expand(6, -1)
    received = rounding.uploaded(members, same)
    assert len({tuple(row.tolist()) for row in received}) == 6


@pytest.mark.parametrize("bits", [16, 8])
def test_frozen_entries_are_those_of_the_first_download(bits: int) -> None:
    s = small(TINY, bits)
    assert prepare(TINY).federation is federation(TINY)
    before, prepared = federation(s).params, prepare(s)
    assert prepared.plan.subset == prepare(TINY).plan.subset
    after, end = prepared.federation.params, final(prepared).params
    rest = frozen(prepared.federation.model, prepared.plan.subset)
    for name, value in extract(prepared.federation.model, rest, end).items():
        assert torch.equal(value, extract(prepared.federation.model, rest, after)[name])
    for name, value in before.items():
        step = float(value.abs().max()) * (2**-11 if bits == 16 else 0.5 / 127)
        assert (after[name] - value).abs().max() <= step * 1.001
    assert any(not torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("bits", [16, 8])
@pytest.mark.parametrize("name", RUNS)
def test_workers_change_no_bit_of_a_rounded_run(
    name: str, bits: int, sent_tasks: list[Task]
) -> None:
    prepared = prepare(small(RUNS[name], bits).replace(horizon_s=80.0))
    alone, together = final(prepared, 1), final(prepared, 2)
    assert sent_tasks or name == "one by one"
    pd.testing.assert_frame_equal(alone.history.points, together.history.points, check_exact=True)
    assert all(torch.equal(alone.params[key], value) for key, value in together.params.items())


def test_phases_travel_in_16_bits(sent_tasks: list[Task]) -> None:
    """What no phase has trained yet arrives as the first download held it."""
    prepared = prepare(small(TINY.replace(phases=2, horizon_s=120.0), 16))
    phases, union = prepared.tiers.phases, prepared.tiers.union.subset
    assert phases is not None
    assert phases.download[0, 1] > phases.download[1, 1]
    params = prepared.federation.params
    start = ServerVersion(0, params, flatten_trained(prepared.federation.model, union, params))
    assert torch.equal(Rounding(prepared).downloaded(start).row, start.row)
    alone, together = final(prepared, 1), final(prepared, 2)
    assert sent_tasks
    pd.testing.assert_frame_equal(alone.history.points, together.history.points, check_exact=True)


def test_bare_rows_of_32_bits_change_bytes_alone() -> None:
    """Everybody takes part in each round, so the shorter messages change no round."""
    named, bare = run(ROUNDS), run(small(ROUNDS, 32))
    rounds = min(len(named.points), len(bare.points)) - 1
    for round_ in range(rounds):
        a, b = (one.points[one.points["version"] == round_ + 1] for one in (named, bare))
        if len(a) and len(b):
            assert a["accuracy"].iloc[0] == pytest.approx(b["accuracy"].iloc[0], abs=0.01)
    assert bare.facts["upload_bytes_per_update"] < named.facts["upload_bytes_per_update"]


@pytest.mark.parametrize("bits", [16, 8])
def test_fedavg_with_fewer_bits_trains_as_well(bits: int) -> None:
    s = ROUNDS.replace(max_updates=480, horizon_s=1e4, local_steps=5, client_rate=0.2)
    full, rounded = final(prepare(s)), final(prepare(small(s, bits)))
    assert full.history.points["version"].iloc[-1] == rounded.history.points["version"].iloc[-1]
    accuracies = [one.history.points["accuracy"].iloc[-1] for one in (full, rounded)]
    assert accuracies[0] > 0.8
    assert abs(accuracies[1] - accuracies[0]) < 0.02


@pytest.mark.parametrize("bits", [16, 8])
@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_broken_updates_are_still_rejected(broken: float, bits: int) -> None:
    prepared = prepare(small(TINY, bits))
    rounding, members = Rounding(prepared), prepared.timeline.applied[:3]
    rows = torch.ones(3, int(rounding.down.sizes.sum()))
    rows[1, 5] = broken
    received = rounding.uploaded(members, rows)
    assert rejections(received, rows.shape[1], [0, 0, 0], 0) == [None, "not finite", None]
    assert torch.equal(received[0], received[2])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"payload_bits": 12}, "payload_bits = 12 is not known; allowed: 32, 16, 8"),
        ({"payload_bits": 4}, "payload_bits = 4; allowed: an integer from 8 to 32"),
        ({"payload_bits": 8.5}, "payload_bits = 8.5; allowed: an integer"),
        ({"payload_bits": "8"}, "payload_bits = '8'; allowed: an integer"),
        ({"payload_bits": None}, "payload_bits = None; allowed: an integer"),
        ({"payload_names": 2}, "payload_names = 2; allowed: True or False"),
        (
            {"payload_bits": 16, "correction": "control_variates"},
            "correction = 'control_variates' with payload_bits = 16; allowed: payload_bits = 32",
        ),
        (
            {"payload_bits": 8, "phases": 2},
            "phases = 2 with payload_bits = 8; allowed: payload_bits = 16 or 32",
        ),
    ],
)
def test_scenario_explains_wrong_settings_of_the_payload(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        TINY.replace(**change)


def test_scenario_with_fewer_bits_is_another_scenario() -> None:
    s = TINY.replace(payload_bits=8)
    assert Scenario.from_json(s.to_json()) == s
    assert s.digest() != TINY.digest() == TINY.replace(payload_bits=32).digest()
    assert "32, 16, 8" in str(Scenario.help("payload_bits"))
    with pytest.raises(ValueError, match="payload_bits = 8"):
        s.as_method("scaffold")
    bare = TINY.as_method("scaffold").replace(payload_names=False)
    assert prepare(bare).traffic.upload == 2 * 4 * prepare(bare).federation.model.size
