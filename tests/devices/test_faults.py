"""Faulty devices: who they are, which labels they hold, and what arrives in place of an update."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.devices import FAULTS, FaultyMessages, faulty_clients, random_labels

IN_MESSAGE = ("noise", "scale", "replay")


@settings(deadline=None)
@given(st.integers(2, 300), st.floats(0, 0.5), st.integers(0, 2**32 - 1))
def test_as_many_are_faulty_as_the_share_says(clients: int, share: float, seed: int) -> None:
    faulty = faulty_clients(clients, share, seed)
    assert faulty.shape == (clients,)
    assert faulty.sum() == round(share * clients)
    assert (faulty == faulty_clients(clients, share, seed)).all()
    more = faulty_clients(clients, 0.5, seed)
    assert not (faulty & ~more).any()


def test_another_seed_makes_others_faulty() -> None:
    draws = {tuple(np.flatnonzero(faulty_clients(50, 0.2, seed)).tolist()) for seed in range(20)}
    assert len(draws) == 20
    often = sum(faulty_clients(50, 0.2, seed) for seed in range(400))
    assert 32 < np.min(often) <= np.max(often) < 128  # 80 each in the mean, six deviations


def test_only_labels_of_faulty_clients_are_random() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 4000)
    before = labels.copy()
    shards = np.array_split(rng.permutation(4000), 8)
    faulty = np.isin(np.arange(8), [2, 5])
    wrong = random_labels(labels, shards, faulty, 4, seed=3)
    assert (labels == before).all()
    for client, shard in enumerate(shards):
        right = (wrong[shard] == labels[shard]).mean()
        assert right == pytest.approx(0.25, abs=0.1) if faulty[client] else right == 1.0
        if faulty[client]:
            np.testing.assert_allclose(np.bincount(wrong[shard]) / len(shard), 0.25, atol=0.1)
    alone = random_labels(labels, shards, np.arange(8) == 2, 4, seed=3)
    assert (alone[shards[2]] == wrong[shards[2]]).all()  # whoever else is faulty
    assert (random_labels(labels, shards, faulty, 4, seed=4) != wrong).any()


def message(K: int = 4, d: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(K)
    return torch.randn(K, d, generator=generator), torch.rand(K, generator=generator)


CLIENTS, VISITS = np.array([3, 1, 0, 2]), np.array([0, 2, 0, 1])
FAULTY = np.array([True, False, True, False])


@pytest.mark.parametrize("fault", FAULTS)
def test_honest_clients_send_what_they_computed(fault: str) -> None:
    rows, variance = message()
    kept = rows.clone()
    got, reported = FaultyMessages(fault, FAULTY, 0).sent(CLIENTS, VISITS, [rows, variance])
    assert torch.equal(rows, kept)  # the arguments stay
    assert torch.equal(got[:2], rows[:2])
    assert torch.equal(reported, variance)
    assert torch.equal(got, rows) == (fault in ("none", "labels", "replay"))


def test_noise_is_ten_times_as_long_and_another_at_each_visit() -> None:
    rows, _ = message()
    rows[:, 150:] = 0.0  # entries that the client does not train
    messages = FaultyMessages("noise", FAULTY, 0)
    [first] = messages.sent(CLIENTS, VISITS, [rows])
    [again] = messages.sent(CLIENTS, VISITS, [rows])
    [later] = messages.sent(CLIENTS, VISITS + 1, [rows])
    assert torch.equal(first, again)
    lengths = first[2:].norm(dim=1) / rows[2:].norm(dim=1)
    torch.testing.assert_close(lengths, torch.full((2,), 10.0))
    assert (first[2:, 150:] == 0).all()
    noise = torch.stack([first[2], first[3], later[2], later[3], rows[2], rows[3]])[:, :150]
    between = torch.corrcoef(noise) - torch.eye(6)
    assert between.abs().max() < 0.45  # 150 numbers: five deviations
    [other] = FaultyMessages("noise", FAULTY, 1).sent(CLIENTS, VISITS, [rows])
    assert not torch.equal(other, first)


def test_scaled_updates_point_the_other_way() -> None:
    rows, _ = message()
    [got] = FaultyMessages("scale", FAULTY, 0).sent(CLIENTS, VISITS, [rows])
    torch.testing.assert_close(got[2:], -10 * rows[2:])


def test_replayed_message_is_the_first_with_all_its_parts() -> None:
    messages = FaultyMessages("replay", FAULTY, 0)
    first = message()
    for visit in range(3):
        now = [part + visit for part in first]
        rows, variance = messages.sent(CLIENTS, VISITS + visit, now)
        for got, meant, replayed in zip((rows, variance), now, first, strict=True):
            assert torch.equal(got[:2], meant[:2])
            assert torch.equal(got[2:], replayed[2:])


def test_replay_within_one_buffer_repeats_the_earlier_update() -> None:
    rows, _ = message()
    twice = np.array([0, 1, 0, 0])
    [got] = FaultyMessages("replay", FAULTY, 0).sent(twice, np.array([0, 0, 1, 2]), [rows])
    assert torch.equal(got, rows[[0, 1, 0, 0]])


def test_faults_explain_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="Did you mean 'noise'"):
        FaultyMessages("noisy", FAULTY, 0)
    with pytest.raises(ValueError, match=r"share = 1\.5"):
        faulty_clients(10, 1.5, 0)
    with pytest.raises(ValueError, match="clients = 0"):
        faulty_clients(0, 0.1, 0)
    with pytest.raises(ValueError, match="1 shards, 4 clients"):
        random_labels(np.zeros(2, int), [np.arange(2)], FAULTY, 2, 0)
