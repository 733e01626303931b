"""Contributions against their definitions; the search against brute force, for every solver."""

import itertools
from collections.abc import Iterable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.devices import measure_peak, memory_model
from ftte_lab.models import Model, Subset, full, head
from ftte_lab.server import MEASURES, SOLVERS, BudgetError, Contributions, Problem, choose, measure
from tests.oracles import autograd, data, make

MODEL, PARAMS = make("mcunet-s")
TABLE = memory_model(MODEL, 8)
X, Y = data(MODEL, 40)
FLOOR, MOST = TABLE.peak_of(head(MODEL)), TABLE.peak_of(full(MODEL))


def made_up(model: Model, seed: int) -> Contributions:
    """Gains at random that rise with the channels, as all measures' do."""
    g = torch.Generator().manual_seed(seed)
    gain = {}
    for name, info in model.tensors.items():
        counts = (
            [1]
            if info.kind != "weight"
            else sorted({max(1, int(info.channels * r)) for r in (0.25, 0.5, 1.0)})
        )
        steps = torch.rand(len(counts), generator=g).cumsum(0)
        gain[name] = {c: float(s) for c, s in zip(counts, steps, strict=True)}
    order = {n: tuple(range(t.channels)) for n, t in model.tensors.items() if t.kind == "weight"}
    return Contributions("made up", order, gain)


def brute_force(problem: Problem) -> float:
    """Best value over all choices; only for small nets."""
    names = [n for n in problem.memory.model.tensors if n not in problem.required]
    options: list[Iterable[int]] = [[0, *problem.contributions.gain[n]] for n in names]
    best = -1.0
    for counts in itertools.product(*options):
        choice = {**problem.required, **{n: c for n, c in zip(names, counts, strict=True) if c}}
        if problem.fits(choice):
            best = max(best, problem.value(choice))
    return best


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 10_000),
    st.floats(0.0, 1.0),
    st.none() | st.floats(0.3, 1.0),
    st.sampled_from([1, 4, 16]),
)
def test_exact_is_brute_force_and_nobody_beats_it(
    seed: int, room: float, light: float | None, batch: int
) -> None:
    model, _ = make("mlp")
    table = memory_model(model, batch)
    gains = made_up(model, seed)
    low, high = table.peak_of(head(model)), table.peak_of(full(model))
    budget = int(low + room * (high - low))
    most = None if light is None else max(head(model).entries(model), int(light * model.size))
    best = brute_force(Problem.build(gains, table, budget, most))
    for solver in SOLVERS:
        choice = choose(gains, table, budget, solver=solver, max_entries=most)
        assert choice.peak_bytes <= budget
        assert choice.value <= best + 1e-9
        assert most is None or choice.subset.entries(model) <= most
        if solver == "exact":
            assert choice.proven
            assert choice.value == pytest.approx(best, rel=1e-6)


@settings(deadline=None, max_examples=4)
@given(st.integers(0, 10_000), st.floats(0.02, 0.9))
def test_on_a_deep_net_every_solver_keeps_the_budget_and_exact_is_best(
    seed: int, room: float
) -> None:
    gains, budget = made_up(MODEL, seed), int(FLOOR + room * (MOST - FLOOR))
    choices = {s: choose(gains, TABLE, budget, solver=s, seed=seed) for s in SOLVERS}
    for choice in choices.values():
        assert choice.peak_bytes == TABLE.peak_of(choice.subset) <= budget
        assert choice.value <= choices["exact"].value * (1 + 1e-6) + 1e-9
    assert choices["exact"].value > choices["random"].value - 1e-9


def test_the_chosen_subset_keeps_the_budget_when_it_is_measured() -> None:
    gains = measure(MODEL, PARAMS, X, Y, "fisher", channels_by="gain")
    for room in (0.1, 0.3, 0.6):
        budget = int(FLOOR + room * (MOST - FLOOR))
        choice = choose(gains, TABLE, budget)
        assert measure_peak(MODEL, choice.subset, 8) <= budget * 1.001


def test_more_memory_is_never_worth_less() -> None:
    gains = measure(MODEL, PARAMS, X, Y, "gradient")
    values = [
        choose(gains, TABLE, int(FLOOR + r * (MOST - FLOOR))).value
        for r in (0, 0.1, 0.2, 0.4, 0.8, 1.0)
    ]
    assert values == sorted(values)
    assert choose(gains, TABLE, MOST).subset == full(MODEL)


@pytest.mark.parametrize("solver", list(SOLVERS))
def test_the_same_seed_chooses_the_same(solver: str) -> None:
    gains, budget = made_up(MODEL, 3), (FLOOR + MOST) // 2
    a, b = (choose(gains, TABLE, budget, solver=solver, seed=5) for _ in range(2))
    assert a.subset == b.subset


def test_too_small_a_budget_names_floor_and_budget() -> None:
    with pytest.raises(BudgetError) as caught:
        choose(made_up(MODEL, 0), TABLE, FLOOR - 1, device="the watch")
    error = caught.value
    assert (error.floor_bytes, error.budget_bytes) == (FLOOR, FLOOR - 1)
    assert f"no subset fits the watch: its floor is {FLOOR / 1024:.1f} KiB" in str(error)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"solver": "exakt"}, "Did you mean 'exact'"),
        ({"budget_bytes": 0}, "budget_bytes = 0"),
        ({"max_entries": 3}, "max_entries = 3"),
    ],
)
def test_a_wrong_search_is_explained(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        choose(made_up(MODEL, 0), TABLE, **{"budget_bytes": MOST, **arguments})  # type: ignore[arg-type]


def test_the_solver_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for seed in range(5):
        choose(made_up(MODEL, seed), TABLE, (FLOOR + MOST) // 2)
    assert capfd.readouterr().out == ""


def test_gradient_is_the_squared_norm_of_the_mean_gradient() -> None:
    gains = measure(MODEL, PARAMS, X, Y, "gradient")
    _, grads = autograd(MODEL, PARAMS, X, Y)
    for name, by_count in gains.gain.items():
        assert by_count[max(by_count)] == pytest.approx(
            float(grads[name].square().sum()), rel=1e-3, abs=1e-9
        )


def test_fisher_is_the_mean_of_the_squared_gradients() -> None:
    model, params = make("mlp")
    x, y = data(model, 12)
    gains = measure(model, params, x, y, "fisher")
    each = [autograd(model, params, x[i : i + 1], y[i : i + 1])[1] for i in range(12)]
    for name, by_count in gains.gain.items():
        want = sum(float(g[name].square().sum()) for g in each) / 12
        assert by_count[max(by_count)] == pytest.approx(want, rel=1e-3, abs=1e-9)


@pytest.mark.parametrize("by", ["magnitude", "gain"])
@pytest.mark.parametrize("kind", MEASURES)
def test_gains_are_finite_and_rise_with_the_channels(kind: str, by: str) -> None:
    gains = measure(MODEL, PARAMS, X, Y, kind, channels_by=by)
    for name, by_count in gains.gain.items():
        values = [by_count[c] for c in sorted(by_count)]
        assert all(v >= 0 for v in values), name
        if kind != "finetune":
            assert values == sorted(values), name
    chosen = gains.subset({"head.weight": MODEL.tensors["head.weight"].channels, "stem.weight": 1})
    assert isinstance(chosen, Subset)
    assert chosen.parts["stem.weight"] == (gains.order["stem.weight"][0],)


def test_a_wrong_measure_is_explained() -> None:
    with pytest.raises(ValueError, match="Did you mean 'fisher'"):
        measure(MODEL, PARAMS, X, Y, "fischer")
    with pytest.raises(ValueError, match="channels_by"):
        measure(MODEL, PARAMS, X, Y, "fisher", channels_by="size")
