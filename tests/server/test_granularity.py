"""Check the search under exponents and complete layers, and the draw by pure chance."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.devices import MemoryModel, memory_model
from ftte_lab.models import Model, Subset, full, head, validated_subset
from ftte_lab.server import SOLVERS, Contributions, Problem, choose
from tests.oracles import make
from tests.server.gains import brute_force, layer_of, made_up

MCUNET, _ = make("mcunet-s")
TABLE = memory_model(MCUNET, 8)
FLOOR, MOST = TABLE.peak_of(head(MCUNET)), TABLE.peak_of(full(MCUNET))
SMALL = {name: make(name)[0] for name in ("mlp", "cnn", "cnn-maxpool")}
WEIGHT = "block1.expand.weight"  # of eight channels
ROOM = st.floats(0.0, 1.0)
LIGHT = st.none() | st.floats(0.3, 1.0)


def budget(table: MemoryModel, room: float) -> int:
    """A budget between the classifier alone (0) and everything (1)."""
    low, high = table.peak_of(head(table.model)), table.peak_of(full(table.model))
    return int(low + room * (high - low))


def most_entries(model: Model, light: float | None) -> int | None:
    return None if light is None else max(head(model).entries(model), int(light * model.size))


def check_limits(choice: Any, model: Model, most: int | None, granularity: str) -> None:
    """A choice is a valid subset within budget and payload, of complete layers if asked for."""
    assert choice.subset.parts == validated_subset(model, choice.subset).parts
    assert choice.peak_bytes <= choice.budget_bytes
    assert most is None or choice.subset.entries(model) <= most
    for name in head(model).parts:
        assert choice.subset.parts[name] is None
    if granularity == "layer":
        assert set(choice.subset.parts.values()) == {None}
        layers = {layer_of(name) for name in choice.subset.parts}
        assert set(choice.subset.parts) == {n for n in model.tensors if layer_of(n) in layers}


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 10_000),
    ROOM,
    LIGHT,
    st.sampled_from(
        [
            ("mlp", "channel", 0.5),
            ("mlp", "layer", 1.0),
            ("cnn", "layer", 1.0),
            ("cnn", "layer", 0.5),
        ]
    ),
)
def test_exact_matches_brute_force_and_no_solver_beats_it(
    seed: int, room: float, light: float | None, case: tuple[str, str, float]
) -> None:
    name, granularity, exponent = case
    model = SMALL[name]
    gains, table = made_up(model, seed, exponent), memory_model(model, 4)
    most, limit = most_entries(model, light), budget(table, room)
    best = brute_force(Problem.build(gains, table, limit, most, granularity))
    for solver in SOLVERS:
        choice = choose(
            gains, table, limit, solver=solver, max_entries=most, granularity=granularity, seed=seed
        )
        check_limits(choice, model, most, granularity)
        assert choice.value <= best + 1e-9
        assert choice.value == pytest.approx(gains.value_of(choice.subset))
        if solver == "exact":
            assert choice.proven
            assert choice.value == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_exact_matches_brute_force_over_channels_of_a_net_with_norms(exponent: float) -> None:
    model = SMALL["cnn-maxpool"]
    gains, table = made_up(model, 7, exponent), memory_model(model, 4)
    for room in (0.15, 0.5):
        best = brute_force(Problem.build(gains, table, budget(table, room), None))
        assert choose(gains, table, budget(table, room)).value == pytest.approx(best, rel=1e-6)


@pytest.mark.slow
@settings(deadline=None, max_examples=4)
@given(
    st.integers(0, 10_000),
    st.floats(0.02, 0.9),
    LIGHT,
    st.sampled_from([("channel", 0.5), ("layer", 0.5), ("layer", 1.0)]),
)
def test_no_solver_beats_exact_on_a_deep_net(
    seed: int, room: float, light: float | None, case: tuple[str, float]
) -> None:
    granularity, exponent = case
    gains, most = made_up(MCUNET, seed, exponent), most_entries(MCUNET, light)
    values = {}
    for solver in SOLVERS:
        choice = choose(
            gains,
            TABLE,
            budget(TABLE, room),
            solver=solver,
            max_entries=most,
            granularity=granularity,
            seed=seed,
        )
        check_limits(choice, MCUNET, most, granularity)
        assert choice.peak_bytes == TABLE.peak_of(choice.subset)
        values[solver] = choice.value
    assert max(values.values()) <= values["exact"] * (1 + 1e-6)


def test_complete_layers_are_worth_less_than_channels() -> None:
    gains, limit = made_up(MCUNET, 1), budget(TABLE, 0.4)
    channels = choose(gains, TABLE, limit)
    layers = choose(gains, TABLE, limit, granularity="layer")
    assert layers.proven
    assert layers.value < channels.value
    assert len(layers.subset) > len(head(MCUNET))


def test_units_are_layers_with_their_norms() -> None:
    problem = Problem.build(made_up(MCUNET, 0), TABLE, MOST, None, "layer")
    assert problem.units[0] == ("stem.weight", "stem.norm.gain", "stem.norm.bias")
    assert [name for unit in problem.units for name in unit] == [
        name for name in MCUNET.tensors if name not in problem.required
    ]
    for unit in problem.units:
        assert len({layer_of(name) for name in unit}) == 1
        assert len(unit) == 3
    channels = Problem.build(made_up(MCUNET, 0), TABLE, MOST, None)
    assert all(len(unit) == 1 for unit in channels.units)
    assert [a for unit in channels.additions for a in unit] == [
        {name: count} for name, count, _ in channels.options
    ]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), ROOM, LIGHT, st.sampled_from(["mlp", "cnn"]))
def test_pure_random_trains_as_many_channels_as_random(
    seed: int, room: float, light: float | None, name: str
) -> None:
    model = SMALL[name]
    gains, table, most = made_up(model, seed), memory_model(model, 4), most_entries(model, light)
    ordered, pure = (
        choose(gains, table, budget(table, room), solver=solver, max_entries=most, seed=seed)
        for solver in ("random", "pure_random")
    )
    check_limits(pure, model, most, "channel")
    assert pure.counts == ordered.counts
    assert pure.peak_bytes == ordered.peak_bytes == table.peak_of(pure.subset)
    assert pure.value == pytest.approx(gains.value_of(pure.subset))
    assert pure.value <= ordered.value + 1e-9


def standard_scores(solver: str, draws: int) -> np.ndarray:
    """How far each channel's number of draws is from chance, in standard deviations.

    Under chance a channel of a tensor that trains k of n is drawn with probability k/n.
    """
    model = SMALL["mlp"]
    gains, table = made_up(model, 3), memory_model(model, 4)
    excess = {n: np.zeros(t.channels) for n, t in model.tensors.items() if t.kind == "weight"}
    variance = dict.fromkeys(excess, 0.0)
    for seed in range(draws):
        subset = choose(gains, table, budget(table, 0.6), solver=solver, seed=seed).subset
        for name, part in subset.parts.items():
            if part is not None:
                share = len(part) / len(excess[name])
                excess[name][list(part)] += 1
                excess[name] -= share
                variance[name] += share * (1 - share)
    trained = [name for name in excess if variance[name]]
    assert len(trained) == 2  # both hidden layers, but not the classifier
    return np.concatenate([excess[name] / variance[name] ** 0.5 for name in trained])


def test_pure_random_draws_every_channel_equally_often() -> None:
    """Count over 600 seeds: no channel is preferred, and the scores spread as under chance."""
    scores = standard_scores("pure_random", 600)
    assert len(scores) == 128
    assert np.abs(scores).max() < 4  # 128 normal scores exceed it once in 120 such tests
    assert 0.75 < scores.std() < 1.25
    assert np.abs(standard_scores("random", 600)).max() > 10


def test_pure_random_draws_channels_independently_of_each_other() -> None:
    """Neighbours are drawn together as often as chance has it: k (k - 1) / n (n - 1)."""
    model = SMALL["mlp"]
    gains, table = made_up(model, 3), memory_model(model, 4)
    together = expected = variance = 0.0
    for seed in range(600):
        subset = choose(gains, table, budget(table, 0.6), solver="pure_random", seed=seed).subset
        part = subset.parts.get("hidden1.weight")
        if part is not None:
            n, k = model.tensors["hidden1.weight"].channels, len(part)
            chance = k * (k - 1) / (n * (n - 1))
            together += len({c for c in part if c + 1 in part})
            expected += (n - 1) * chance
            variance += (n - 1) * chance * (1 - chance)
    assert abs(together - expected) < 4 * variance**0.5


OWN: list[tuple[Any, str]] = [
    (lambda p: Subset({}), "solver 'mine' returned a subset: the subset is empty"),
    (lambda p: Subset({"stem": None}), "returned a subset: tensor = 'stem' is not known"),
    (lambda p: Subset({"stem.weight": (0, 99)}), "returned a subset: channels of stem.weight"),
    (lambda p: Subset({"stem.weight": "all"}), "returned a subset"),  # type: ignore[dict-item]
    (lambda p: Subset({"stem.weight": (0,)}), "a choice without .'head.weight'."),
    (lambda p: Subset(dict(head(MCUNET).parts) | {"head.weight": (0,)}), "without .'head.weight'."),
    (lambda p: full(MCUNET), "returned a choice of [0-9,]+ bytes; allowed: at most"),
]


@pytest.mark.parametrize(("solver", "says"), OWN)
def test_subset_of_a_solver_of_your_own_is_checked(solver: Any, says: str) -> None:
    SOLVERS["mine"] = lambda problem, seed: solver(problem)
    with pytest.raises(ValueError, match=says):
        choose(made_up(MCUNET, 0), TABLE, FLOOR, solver="mine")


def test_subset_of_a_solver_of_your_own_is_used() -> None:
    """Any number of channels, here three, and any of them; numpy's integers, too."""
    gains = made_up(MCUNET, 0, 0.5)
    part = tuple(np.array([1, 2, 5]))
    SOLVERS["mine"] = lambda problem, seed: Subset({**head(MCUNET).parts, WEIGHT: part})
    choice = choose(gains, TABLE, MOST, solver="mine")
    assert choice.subset.parts[WEIGHT] == (1, 2, 5)
    assert Subset.from_json(choice.subset.to_json()) == choice.subset
    assert choice.counts[WEIGHT] == 3
    alone = gains.channel[WEIGHT]
    classifier = gains.value({name: choice.counts[name] for name in head(MCUNET).parts})
    assert choice.value == pytest.approx(classifier + (alone[1] + alone[2] + alone[5]) ** 0.5)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({WEIGHT: 8}, "a part of a layer, without all of .'block1.expand.norm.gain'.*or nothing"),
        ({WEIGHT: 4}, "returned 4 channels of 'block1.expand.weight'; allowed: 0, 8"),
        ({"stem.norm.bias": 1}, "without all of .'stem.weight'."),
    ],
)
def test_solver_of_your_own_keeps_layers_whole(more: dict[str, int], says: str) -> None:
    SOLVERS["mine"] = lambda problem, seed: problem.required | more
    gains = made_up(MCUNET, 0)
    with pytest.raises(ValueError, match=says):
        choose(gains, TABLE, MOST, solver="mine", granularity="layer")
    layer = {WEIGHT: 8, "block1.expand.norm.gain": 1, "block1.expand.norm.bias": 1}
    SOLVERS["mine"] = lambda problem, seed: problem.required | layer
    assert WEIGHT in choose(gains, TABLE, MOST, solver="mine", granularity="layer").subset
    part = Subset({**head(MCUNET).parts, **dict.fromkeys(layer), WEIGHT: (0, 1)})
    SOLVERS["mine"] = lambda problem, seed: part
    assert choose(gains, TABLE, MOST, solver="mine").counts[WEIGHT] == 2
    with pytest.raises(ValueError, match=f"a part of a layer, without all of .'{WEIGHT}'."):
        choose(gains, TABLE, MOST, solver="mine", granularity="layer")


def test_granularity_is_explained() -> None:
    gains = made_up(MCUNET, 0)
    with pytest.raises(ValueError, match=r"granularity = 'layers'.*Did you mean 'layer'"):
        choose(gains, TABLE, MOST, granularity="layers")
    halves = {name: {c: g for c, g in t.items() if c < 8} for name, t in gains.gain.items()}
    partial = Contributions("made up", gains.order, halves)
    with pytest.raises(ValueError, match="'layer' without a gain for all channels of"):
        choose(partial, TABLE, MOST, granularity="layer")
