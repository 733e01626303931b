"""Check the search against brute force, for every solver."""

import ast
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.devices import measure_peak, memory_model
from ftte_lab.models import full, head
from ftte_lab.server import (
    MEASURES,
    SOLVERS,
    BudgetError,
    Problem,
    choose,
    measure,
    search,
)
from tests.oracles import data, make
from tests.server.gains import brute_force, made_up

MODEL, PARAMS = make("mcunet-s")
TABLE = memory_model(MODEL, 8)
X, Y = data(MODEL, 40)
FLOOR, MOST = TABLE.peak_of(head(MODEL)), TABLE.peak_of(full(MODEL))


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 10_000),
    st.floats(0.0, 1.0),
    st.none() | st.floats(0.3, 1.0),
    st.sampled_from([1, 4, 16]),
)
def test_exact_matches_brute_force_and_no_solver_beats_it(
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
def test_solvers_keep_the_budget_of_a_deep_net_and_exact_is_best(seed: int, room: float) -> None:
    gains, budget = made_up(MODEL, seed), int(FLOOR + room * (MOST - FLOOR))
    choices = {s: choose(gains, TABLE, budget, solver=s, seed=seed) for s in SOLVERS}
    for choice in choices.values():
        assert choice.peak_bytes == TABLE.peak_of(choice.subset) <= budget
        assert choice.value <= choices["exact"].value * (1 + 1e-6) + 1e-9
    assert choices["exact"].value > choices["random"].value - 1e-9


def test_choose_keeps_the_budget_when_measured() -> None:
    gains = measure(MODEL, PARAMS, X, Y, "fisher", channels_by="gain")
    for room in (0.1, 0.3, 0.6):
        budget = int(FLOOR + room * (MOST - FLOOR))
        choice = choose(gains, TABLE, budget)
        assert measure_peak(MODEL, choice.subset, 8) <= budget * 1.001


def test_choose_value_rises_with_memory() -> None:
    gains = measure(MODEL, PARAMS, X, Y, "gradient")
    values = [
        choose(gains, TABLE, int(FLOOR + r * (MOST - FLOOR))).value
        for r in (0, 0.1, 0.2, 0.4, 0.8, 1.0)
    ]
    assert values == sorted(values)
    assert choose(gains, TABLE, MOST).subset == full(MODEL)


@pytest.mark.parametrize("solver", list(SOLVERS))
def test_choose_is_deterministic(solver: str) -> None:
    gains, budget = made_up(MODEL, 3), (FLOOR + MOST) // 2
    a, b = (choose(gains, TABLE, budget, solver=solver, seed=5) for _ in range(2))
    assert a.subset == b.subset


def test_choose_names_floor_and_budget_if_none_fits() -> None:
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
def test_choose_explains_wrong_arguments(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        choose(made_up(MODEL, 0), TABLE, **{"budget_bytes": MOST, **arguments})  # type: ignore[arg-type]


def test_exact_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for seed in range(5):
        choose(made_up(MODEL, seed), TABLE, (FLOOR + MOST) // 2)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("solver", [name for name in SOLVERS if name != "pure_random"])
def test_choose_trains_the_best_channels(solver: str) -> None:
    """Train the channels with the largest gain of each chosen weight, and no others."""
    gains = measure(MODEL, PARAMS, X, Y, "fisher", channels_by="gain")
    worth = MEASURES["fisher"](MODEL, PARAMS, X, Y)
    subset = choose(gains, TABLE, (FLOOR + MOST) // 2, solver=solver).subset
    if solver in ("exact", "greedy", "evolution", "random"):
        assert any(part is not None for part in subset.parts.values())
    for name, part in subset.parts.items():
        if part is not None:
            chosen = worth[name][list(part)]
            others = [k for k in range(len(worth[name])) if k not in part]
            assert chosen.min() >= worth[name][others].max()


def test_solver_of_your_own_is_used() -> None:
    gains = made_up(MODEL, 0)
    SOLVERS["mine"] = lambda problem, seed: dict(problem.required) | {"stem.weight": 0}
    try:
        choice = choose(gains, TABLE, FLOOR, solver="mine")
    finally:
        del SOLVERS["mine"]
    assert choice.subset == head(MODEL)
    assert "stem.weight" not in choice.counts
    assert not choice.proven


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda p: None, "solver 'mine' returned NoneType; allowed: a dict"),
        (lambda p: {}, "a choice without .'head.weight'."),
        (lambda p: p.required | {"stem": 1}, "solver 'mine': tensor = 'stem' is not known"),
        (lambda p: p.required | {"stem.weight": 99}, "returned 99 channels of 'stem.weight'"),
        (lambda p: p.required | {"head.bias": 0}, "returned 0 channels of 'head.bias'; allowed: 1"),
        (
            lambda p: {t.name: t.channels for t in p.memory.model.tensors.values()},
            "returned a choice of [0-9,]+ bytes; allowed: at most",
        ),
    ],
)
def test_solver_of_your_own_is_checked(change: Any, says: str) -> None:
    SOLVERS["mine"] = lambda problem, seed: change(problem)
    try:
        with pytest.raises(ValueError, match=says):
            choose(made_up(MODEL, 0), TABLE, FLOOR, solver="mine")
    finally:
        del SOLVERS["mine"]


@pytest.mark.parametrize("module", ["problem", "heuristics", "exact"])
def test_solvers_import_nothing_that_trains(module: str) -> None:
    """Read the imports of a module and of all that it imports in the search."""
    folder = Path(search.__file__).parent
    found, todo = set[str](), [module]
    while todo:
        for node in ast.walk(ast.parse((folder / f"{todo.pop()}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module not in found:
                found.add(node.module)
                if node.module.startswith("ftte_lab.server.search."):
                    todo.append(node.module.rpartition(".")[2])
    ours = {name for name in found if name.startswith("ftte_lab")}
    allowed = {f"ftte_lab.{name}" for name in ("_common", "models", "devices")}
    assert ours <= allowed | {"ftte_lab.server.search.problem"}
