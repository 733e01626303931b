"""SCAFFOLD's control variates: the paper's algorithm written out by hand, and their invariant."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ftte_lab.models import Model, Params, Subset, flatten_trained, from_rows, insert, make_plan
from ftte_lab.server import CORRECTIONS, ControlVariates
from ftte_lab.training import draw_many, train_cohort
from tests.oracles import autograd, data, make, subsets

RATE, STEPS, SERVER_RATE = 0.1, 3, 0.7


def gradient(
    model: Model, params: Params, subset: Subset, w: Tensor, batch: tuple[Tensor, Tensor]
) -> Tensor:
    """Gradient of the trained entries at `w`."""
    here = insert(model, subset, params, from_rows(model, subset, w))
    return flatten_trained(model, subset, autograd(model, here, *batch)[1])


@pytest.mark.parametrize("kind", ["full", "mixture"])
@pytest.mark.parametrize("name", ["mlp", "mcunet-s"])
def test_control_variates_and_train_cohort_are_algorithm_1(name: str, kind: str) -> None:
    """Two rounds with two clients of three, one with another pair: the paper, line by line."""
    model, params = make(name, dtype=torch.float64)
    subset = subsets(model, params)[kind]
    plan, (x, y) = make_plan(model, subset), data(model, 40, torch.float64)
    entries = subset.entries(model)
    server_w = hand_w = flatten_trained(model, subset, params)
    state = ControlVariates(3, entries, torch.float64)
    c, own = torch.zeros(entries, dtype=torch.float64), torch.zeros(3, entries).double()
    for visit, cohort in enumerate(([0, 1], [0, 1], [2, 0])):
        drawn = draw_many([40, 40], STEPS, 4, seed=1, client=cohort, visit=[visit, visit])
        batches = torch.as_tensor(drawn)
        # By hand.
        moves, changes = [], []
        for k, i in enumerate(cohort):
            local = hand_w.clone()
            for at in batches[k]:
                g = gradient(model, params, subset, local, (x[at], y[at]))
                local = local - RATE * (g - own[i] + c)
            fresh = own[i] - c + (hand_w - local) / (STEPS * RATE)
            moves.append(local - hand_w)
            changes.append(fresh - own[i])
            own[i] = fresh
        hand_w = hand_w + SERVER_RATE * torch.stack(moves).mean(0)
        c = c + len(cohort) / 3 * torch.stack(changes).mean(0)
        # By the kit.
        offsets = state.offsets(cohort)
        start = insert(model, subset, params, from_rows(model, subset, server_w))
        rows = train_cohort(plan, start, x, y, batches, rate=RATE, offsets=offsets).rows
        server_w = server_w + SERVER_RATE * rows.mean(0)
        state.update(cohort, rows, offsets, steps=STEPS, rate=RATE)
        torch.testing.assert_close(server_w, hand_w, rtol=0, atol=1e-12)
        torch.testing.assert_close(state.server, c, rtol=0, atol=1e-11)
        torch.testing.assert_close(state.clients, own, rtol=0, atol=1e-11)


@settings(deadline=None)
@given(st.data())
def test_control_variates_server_is_the_mean_of_the_clients(draw: st.DataObject) -> None:
    """Whatever arrives, in whatever order, from however old a version."""
    clients, entries = draw.draw(st.integers(1, 6)), draw.draw(st.integers(1, 4))
    state = ControlVariates(clients, entries, torch.float64)
    noise = torch.Generator().manual_seed(draw.draw(st.integers(0, 999)))
    versions = [state.server.clone()]
    for _ in range(draw.draw(st.integers(1, 8))):
        arrived = draw.draw(st.lists(st.integers(0, clients - 1), min_size=1, max_size=5))
        offsets = torch.cat(
            [state.offsets([i], draw.draw(st.sampled_from(versions))) for i in arrived]
        )
        rows = torch.randn(len(arrived), entries, generator=noise, dtype=torch.float64)
        before = state.clients.clone()
        state.update(arrived, rows, offsets, steps=2, rate=0.1)
        versions.append(state.server.clone())
        others = [i for i in range(clients) if i not in arrived]
        assert torch.equal(state.clients[others], before[others])
        torch.testing.assert_close(state.server, state.clients.mean(0), rtol=0, atol=1e-9)


def test_control_variates_are_the_clients_mean_gradients() -> None:
    """A stale start changes nothing: without the offset, the mean gradient is left."""
    state = ControlVariates(2, 3, torch.float64)
    state.update([0], torch.ones(1, 3).double(), state.offsets([0]), steps=1, rate=0.5)
    downloaded = state.server.clone()
    late = state.offsets([1], downloaded)
    state.update([0], torch.full((1, 3), 5.0).double(), state.offsets([0]), steps=1, rate=0.5)
    assert not torch.equal(state.server, downloaded)
    gradients = torch.tensor([[1.0, -2.0, 0.5]], dtype=torch.float64)
    rows = -0.5 * 4 * (gradients + late)
    state.update([1], rows, late, steps=4, rate=0.5)
    torch.testing.assert_close(state.clients[1], gradients[0])


def test_control_variates_keep_the_last_of_two_updates_of_one_client() -> None:
    once, twice = (ControlVariates(2, 1) for _ in range(2))
    for state, arrived in ((once, [1.0, 2.0]), (twice, [1.0, 2.0])):
        offsets = state.offsets([0, 0])
        rows = torch.tensor(arrived)[:, None]
        if state is twice:
            state.update([0, 0], rows, offsets, steps=1, rate=1.0)
        else:
            for k in range(2):
                state.update([0], rows[k : k + 1], offsets[k : k + 1], steps=1, rate=1.0)
    assert torch.equal(once.clients, twice.clients)
    assert torch.equal(once.server, twice.server)


def test_corrections_state_what_they_cost() -> None:
    costs = {
        name: (c.state_vectors, c.messages, c.keeps_state, c.proximal)
        for name, c in CORRECTIONS.items()
    }
    assert costs == {
        "none": (0, 1, False, False),
        "proximal": (1, 1, False, True),
        "control_variates": (1, 2, True, False),
    }


def test_corrections_take_entries_of_your_own() -> None:
    mine = dataclasses.replace(CORRECTIONS["proximal"], name="mine")
    CORRECTIONS["mine"] = mine
    try:
        assert CORRECTIONS.own == ("mine",)
    finally:
        CORRECTIONS.pop("mine")
    with pytest.raises(ValueError, match="is named 'mine'; allowed"):
        CORRECTIONS["other"] = mine
    with pytest.raises(ValueError, match="allowed: a ClientCorrection"):
        CORRECTIONS["other"] = "proximal"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="state_vectors = 2; allowed"):
        dataclasses.replace(mine, state_vectors=2)


def test_control_variates_explain_wrong_arguments() -> None:
    state = ControlVariates(2, 3)
    rows, offsets = torch.zeros(1, 3), state.offsets([0])
    with pytest.raises(ValueError, match="clients = 0; allowed"):
        ControlVariates(0, 3)
    for unknown in ([2], [-1], []):
        with pytest.raises(ValueError, match="allowed: a list of indices from 0 to 1"):
            state.offsets(unknown)
    with pytest.raises(ValueError, match="the downloaded variate has shape"):
        state.offsets([0], torch.zeros(1))
    with pytest.raises(ValueError, match="rows of shape"):
        state.update([0], torch.zeros(1, 2), offsets, steps=1, rate=0.1)
    with pytest.raises(ValueError, match="offsets of shape"):
        state.update([0, 1], torch.zeros(2, 3), offsets, steps=1, rate=0.1)
    with pytest.raises(ValueError, match="rate = 0; allowed: above 0"):
        state.update([0], rows, offsets, steps=1, rate=0.0)
    with pytest.raises(ValueError, match="steps = 0"):
        state.update([0], rows, offsets, steps=0, rate=0.1)
