"""Check that subset and micro-batch are decided together, against brute force over both."""

from collections.abc import Iterator
from functools import cache, partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.devices import MemoryModel, measure_peak, memory_model
from ftte_lab.models import full, head
from ftte_lab.server import (
    BudgetError,
    Contributions,
    Problem,
    choose,
    choose_with_micro_batch,
    largest_micro_batch,
    measure,
)
from tests.oracles import data, make
from tests.server.gains import choices, made_up

BATCH = 8
PARTS = (1, 2, 3, 4)  # the largest parts that splits of a batch of eight can have
CNN, _ = make("cnn", shape=(1, 96))
MLP, _ = make("mlp")


def table(name: str, recompute: bool, micro_batch: int | None) -> MemoryModel:
    model = {"cnn": CNN, "mlp": MLP}[name]
    return memory_model(model, BATCH, micro_batch=micro_batch, recompute=recompute)


@cache
def everything(name: str) -> tuple[list[dict[str, int]], Contributions]:
    """All choices of a small net, at two numbers of channels a weight."""
    gains = few(made_up({"cnn": CNN, "mlp": MLP}[name], 0))
    problem = Problem.build(gains, table(name, False, None), 1, None)
    return list(choices(problem)), gains


def few(gains: Contributions) -> Contributions:
    """Offer a half or all of the channels, so that brute force stays quick."""
    gain = {name: dict(list(options.items())[-2:]) for name, options in gains.gain.items()}
    return Contributions(gains.measure, gains.order, gain, gains.channel)


@cache
def peaks(name: str, recompute: bool, micro_batch: int | None) -> np.ndarray:
    """Peak of every choice, straight from the rows."""
    one = table(name, recompute, micro_batch)
    problem = Problem.build(everything(name)[1], one, 1, None)
    decided = np.array([problem.decision(counts) for counts in everything(name)[0]])
    return np.asarray((one.constant + decided @ one.matrix.T).max(axis=1))


def fitting(name: str, recompute: bool, budget: int) -> Iterator[tuple[int | None, np.ndarray]]:
    for micro_batch in (None, *PARTS):
        yield micro_batch, peaks(name, recompute, micro_batch) <= budget + 1e-6


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(["cnn", "mlp"]), st.booleans(), st.integers(0, 10_000), st.floats(0.0, 1.0))
def test_subset_and_micro_batch_are_jointly_optimal(
    name: str, recompute: bool, seed: int, room: float
) -> None:
    every, _ = everything(name)
    gains = few(made_up({"cnn": CNN, "mlp": MLP}[name], seed))
    worth = np.array([gains.value(counts) for counts in every])
    memory = partial(table, name, recompute)
    low = min(peaks(name, recompute, m).min() for m in (None, *PARTS))
    high = max(peaks(name, recompute, m).max() for m in (None, *PARTS))
    budget = int(np.ceil(low + room * (high - low)))

    best = {m: float(worth[fits].max(initial=-1.0)) for m, fits in fitting(name, recompute, budget)}
    chosen = choose_with_micro_batch(gains, memory, budget)
    assert chosen.proven
    assert chosen.value == pytest.approx(max(best.values()), rel=1e-6)
    assert chosen.peak_bytes == memory(micro_batch=chosen.micro_batch).peak_of(chosen.subset)
    assert chosen.peak_bytes <= budget
    if chosen.micro_batch is not None:
        assert best[None] < chosen.value  # of equal worth, the whole batch is taken
        larger = [None, *(m for m in PARTS if m > chosen.micro_batch)]
        assert all(memory(micro_batch=m).peak_of(chosen.subset) > budget for m in larger)


def test_the_whole_batch_is_chosen_where_accumulators_cost_more() -> None:
    """A perceptron's activations are small and its gradients large."""
    gains, memory = made_up(MLP, 1), partial(memory_model, MLP, BATCH)
    chosen = choose_with_micro_batch(gains, memory, memory_model(MLP, BATCH).peak_of(full(MLP)))
    assert (chosen.subset, chosen.micro_batch) == (full(MLP), None)
    assert memory(micro_batch=1).peak_of(full(MLP)) > chosen.budget_bytes


def test_micro_batches_train_more_within_the_same_memory() -> None:
    model, params = make("mcunet-s")
    memory = partial(memory_model, model, BATCH)
    gains = measure(model, params, *data(model, 20))
    budget = (memory().peak_of(head(model)) + memory().peak_of(full(model))) // 3
    alone, both = choose(gains, memory(), budget), choose_with_micro_batch(gains, memory, budget)
    assert alone.micro_batch is None
    assert both.micro_batch in PARTS
    assert both.value > alone.value
    measured = measure_peak(model, both.subset, BATCH, micro_batch=both.micro_batch)
    assert measured <= budget * 1.001


@pytest.mark.parametrize("solver", ["last", "random", "greedy"])
def test_options_reach_the_search(solver: str) -> None:
    gains, memory = made_up(CNN, 3), partial(memory_model, CNN, BATCH)
    budget, most = memory().peak_of(full(CNN)), CNN.size // 3
    chosen = choose_with_micro_batch(gains, memory, budget, solver=solver, max_entries=most)
    assert chosen.solver == solver
    assert not chosen.proven
    assert chosen.subset.entries(CNN) <= most


def test_the_error_names_the_lower_floor() -> None:
    """The classifier alone fits neither at once nor in parts."""
    memory = partial(memory_model, CNN, BATCH)
    floor = min(memory(micro_batch=m).peak_of(head(CNN)) for m in (None, 1))
    assert choose_with_micro_batch(made_up(CNN, 0), memory, floor).peak_bytes == floor
    with pytest.raises(BudgetError, match="no subset fits a watch") as caught:
        choose_with_micro_batch(made_up(CNN, 0), memory, floor - 1, device="a watch")
    assert caught.value.floor_bytes == floor


def test_largest_micro_batch_for_everything() -> None:
    memory = partial(memory_model, CNN, BATCH)
    need = {m: memory(micro_batch=m).peak_of(full(CNN)) for m in (None, *PARTS)}
    for micro_batch, peak in need.items():
        assert largest_micro_batch(memory, full(CNN), peak) == micro_batch
    assert largest_micro_batch(memory, full(CNN), need[1] - 1) == 1
    one = partial(memory_model, CNN, 1)
    assert largest_micro_batch(one, full(CNN), 1) == 1
