"""Values pinned for whole functions: drawn batches, chunks, summaries of gains."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from ftte_lab.models import biases, build, full, head, make_plan
from ftte_lab.training import (
    FineTuning,
    FrozenFeatures,
    FrozenInputs,
    accuracy_interval,
    chunk_sizes,
    clients_at_once,
    draw_batches,
    draw_many,
    first_samples,
    gain_summary,
    mixed_accuracies,
    own_parts,
    personal_right,
)

MASK = 2**64 - 1
STEP = 0x9E3779B97F4A7C15


def mix(z: int) -> int:
    """SplitMix64's finaliser, in Python's own integers."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def plain_order(size: int, wanted: int, seed: int, client: int, visit: int) -> list[int]:
    key = mix((seed + 1101) & MASK)
    for part in (client, visit):
        key = mix(((key + STEP) & MASK) ^ part)
    out: list[int] = []
    counter = 0
    while len(out) < wanted:
        words = []
        for _ in range(size):
            counter += 1
            words.append(mix((key + counter * STEP) & MASK))
        out += sorted(range(size), key=words.__getitem__)
    return out[:wanted]


@pytest.mark.parametrize("seed", [0, 7, 2**63, 2**64 - 1])
def test_batches_are_those_of_splitmix_in_plain_integers(seed: int) -> None:
    for size, steps, batch, client, visit in (
        (5, 3, 4, 0, 0),
        (1, 2, 2, 3, 1),
        (17, 2, 8, 2**53, 2**40),
        (40, 1, 1, 9, 2**53),
    ):
        got = draw_batches(size, steps, batch, seed=seed, client=client, visit=visit)
        assert got.shape == (steps, batch)
        assert got.dtype == np.int64
        wanted = plain_order(size, steps * batch, seed, client, visit)
        assert got.flatten().tolist() == wanted


def test_batches_of_many_keep_their_places() -> None:
    got = draw_many([3, 9, 3], 2, 2, seed=4, client=[1.0, 2.0, 5.0], visit=[0, 1, 0])
    wanted = [
        plain_order(size, 4, 4, client, visit)
        for size, client, visit in ((3, 1, 0), (9, 2, 1), (3, 5, 0))
    ]
    assert got.reshape(3, 4).tolist() == wanted


def test_chunks_are_few_and_even() -> None:
    assert chunk_sizes(0, 3) == []
    assert chunk_sizes(1, 3) == [1]
    assert chunk_sizes(3, 3) == [3]
    assert chunk_sizes(4, 3) == [2, 2]
    assert chunk_sizes(10, 3) == [3, 3, 2, 2]
    assert chunk_sizes(11, 4) == [4, 4, 3]
    assert chunk_sizes(5, 1) == [1] * 5


def test_clients_at_once_by_hand() -> None:
    """64 MiB over the bytes of a client: activations, and columns of dense convolutions."""
    mlp = build("mlp", (1, 8, 8), 5)
    outputs = 64 + 64 + 32 + 32 + 5
    assert clients_at_once(make_plan(mlp, full(mlp)), 1) == 32
    assert clients_at_once(make_plan(mlp, full(mlp)), 10_000) == 2**26 // (40_000 * outputs)
    assert clients_at_once(make_plan(mlp, full(mlp)), 10**6) == 3
    small = make_plan(mlp, head(mlp))
    assert clients_at_once(small, 10**6) == 3
    assert clients_at_once(small, 200_000) == 2**26 // (800_000 * 5)
    cnn = build("cnn", (3, 32), 5)  # signals of 32, so strides 2, 2, 2
    entries = 3 * (16 * 16 + 32 * 8 + 32 * 4) + 32 + 5
    columns = 5 * (3 * 16 + 16 * 8 + 32 * 4)
    size = 4 * (entries + columns)
    plan = make_plan(cnn, full(cnn))
    assert clients_at_once(plan, 64) == min(32, 2**26 // (64 * size))
    assert clients_at_once(plan, 1_500_000 // size) == min(32, 2**26 // (1_500_000 // size * size))
    assert clients_at_once(plan, 1_500_000 // size + 1) == 1
    no_columns = make_plan(cnn, biases(cnn))
    batch = 1_000
    plain = entries - 16 * 16  # training begins behind the first convolution
    assert clients_at_once(no_columns, batch) == 2**26 // (4 * batch * plain)


def test_features_are_cut_at_their_first_operation() -> None:
    net = build("cnn", (1, 8, 8), 3)
    params = net.init(0)
    x = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    starts = [0, make_plan(net, head(net)).start]
    many = FrozenInputs(net, params, x, starts)
    for k, start in enumerate(starts):
        one = FrozenFeatures(net, params, x, start)
        assert many.of(k).start == start == one.start
        assert len(many.of(k)) == len(one) == 5
        at = torch.tensor([[4, 0]])
        assert torch.equal(many.of(k).gather(at), one.gather(at))


def test_own_parts_are_drawn_from_each_clients_own_stream() -> None:
    shards = [np.array(own) for own in ([3, 1, 4, 5, 9], [2, 6], range(20, 31))]
    for share, kept in ((0.0, (1, 1, 1)), (0.4, (2, 1, 4)), (1.0, (4, 1, 10))):
        train, own = own_parts(shards, share=share, seed=3)
        assert tuple(map(len, own)) == kept
        for shard, mine, rest in zip(shards, own, train, strict=True):
            assert sorted([*mine.tolist(), *rest.tolist()]) == sorted(shard.tolist())
    default = own_parts(shards)
    assert [len(part) for part in default[1]] == [1, 1, 2]
    again = own_parts(shards, share=0.2, seed=0)
    assert all(np.array_equal(a, b) for a, b in zip(default[1], again[1], strict=True))
    alone = own_parts(shards[:1], share=0.4, seed=3)[1][0]
    assert alone.tolist() == own_parts(shards, share=0.4, seed=3)[1][0].tolist()


def test_first_samples_are_as_many_as_there_are() -> None:
    shards = [np.array([3, 1, 4, 5, 9]), np.array([2, 6])]
    assert [sorted(part.tolist()) for part in first_samples(shards, 9)] == [[1, 3, 4, 5, 9], [2, 6]]
    few, more = first_samples(shards, 2, seed=1), first_samples(shards, 4, seed=1)
    assert [len(part) for part in few] == [2, 2]
    assert more[0][:2].tolist() == few[0].tolist()
    draws = Counter(tuple(first_samples(shards, 1, seed=s)[0].tolist()) for s in range(200))
    assert set(draws) == {(k,) for k in (1, 3, 4, 5, 9)}


def test_summary_of_gains_by_arithmetic() -> None:
    before = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    after = [0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9]
    found = gain_summary(before, after)
    assert found.clients == 11
    assert found.median == pytest.approx(0.15)
    one = gain_summary([0.25], [0.75])
    assert (one.clients, one.median) == (1, 0.5)
    again = gain_summary(before, after, seed=0)
    assert found == again
    assert gain_summary(before, after, seed=1).median == found.median


def test_accuracy_of_a_mix_by_arithmetic() -> None:
    right = np.array([[1, 0, 1, 1], [0, 0, 1, 0]], bool)
    labels = np.array([0, 0, 1, 1])
    shares = np.array([[0.5, 0.5, 0.0], [0.25, 0.75, 0.0]])
    assert mixed_accuracies(right, labels, shares).tolist() == [0.75, 0.375]


def test_interval_of_an_accuracy_by_wilsons_formula() -> None:
    z = 1.959963984540054
    for right, total in ((0, 7), (3, 7), (7, 7), (500, 1000)):
        share = right / total
        centre = (share + z * z / (2 * total)) / (1 + z * z / total)
        half = z / (1 + z * z / total)
        half *= (share * (1 - share) / total + z * z / (4 * total * total)) ** 0.5
        low, high = accuracy_interval(right, total)
        assert low == pytest.approx(max(0.0, centre - half), abs=1e-4)
        assert high == pytest.approx(min(1.0, centre + half), abs=1e-4)


def test_marks_of_a_mix_of_models_are_those_of_a_plain_loop() -> None:
    net = build("mlp", (1, 8, 8), 3)
    params = net.init(0)
    plan = make_plan(net, head(net))
    generator = torch.Generator().manual_seed(1)
    x, y = torch.randn(6, 1, 8, 8, generator=generator), torch.arange(6) % 3
    rows = torch.randn(2, plan.subset.entries(net), generator=generator)
    marks = np.asarray(personal_right(plan, params, rows, x, y))
    assert marks.shape == (2, 6)
    names = list(plan.subset.parts)
    for k in range(2):
        mine = dict(params)
        weight, bias = rows[k].split([3 * 32, 3])
        mine[names[0]] = params[names[0]] + weight.view(3, 32)
        mine[names[1]] = params[names[1]] + bias
        assert marks[k].tolist() == (net.forward(mine, x.clone()).argmax(1) == y).tolist()


def test_settings_of_fine_tuning_that_ship() -> None:
    how = FineTuning()
    assert how == FineTuning(steps=how.steps, batch=how.batch, rate=0.05, pull=how.pull, seed=0)
