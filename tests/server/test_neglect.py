"""Check how the worth of channels grows with neglect, against sums by hand and brute force."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftte_lab.devices import memory_model
from ftte_lab.models import Subset, full, head
from ftte_lab.server import Neglect, Problem, choose, neglect_cap
from tests.oracles import make
from tests.server.gains import brute_force, made_up

MODEL, _ = make("mlp")
TABLE = memory_model(MODEL, 4)
ROOMY = 2 * TABLE.peak_of(full(MODEL))


@st.composite
def neglects(draw: st.DrawFn, most: int = 6) -> Neglect:
    """Draw how long each channel has waited; a stretch of channels waits equally long."""
    phases = {}
    for name, info in MODEL.tensors.items():
        cut = draw(st.integers(0, info.channels))
        a, b = draw(st.integers(0, most)), draw(st.integers(0, most))
        phases[name] = (a,) * cut + (b,) * (info.channels - cut)
    return Neglect(phases)


def test_neglect_counts_phases_since_a_channel_was_trained() -> None:
    one, other = Subset({"hidden2.weight": (0, 5)}), Subset({"hidden2.weight": None})
    after = Neglect.none(MODEL).after(one).after(one)
    assert after.phases["hidden2.weight"][:6] == (0, 2, 2, 2, 2, 0)
    assert after.phases["head.bias"] == (2,)
    assert set(after.after(other).phases["hidden2.weight"]) == {0}


@given(seed=st.integers(0, 1000), exponent=st.sampled_from([0.5, 1.0]))
def test_nothing_neglected_leaves_the_gains_as_they_are(seed: int, exponent: float) -> None:
    gains = made_up(MODEL, seed, exponent)
    same = Neglect.none(MODEL).reweighted(gains, math.inf)
    assert same.order == gains.order
    for name, table in gains.gain.items():
        assert same.gain[name] == pytest.approx(table, rel=1e-12)


@given(
    neglect=neglects(),
    seed=st.integers(0, 1000),
    cap=st.sampled_from([2.0, 4.0, math.inf]),
    exponent=st.sampled_from([0.5, 1.0]),
)
def test_reweighted_gains_are_the_sums_of_the_formula(
    neglect: Neglect, seed: int, cap: float, exponent: float
) -> None:
    gains = made_up(MODEL, seed, exponent)
    grown = neglect.reweighted(gains, cap)
    everything = sum(
        sum(g * (1 + z) for g, z in zip(gains.channel[name], zs, strict=True)) ** exponent
        for name, zs in neglect.phases.items()
    )
    for name, table in grown.gain.items():
        order, zs = grown.order.get(name, (0,)), neglect.phases[name]
        assert sorted(order) == sorted(gains.order.get(name, (0,)))
        for count, value in table.items():
            first = order[:count]
            plain = sum(gains.channel[name][c] * (1 + zs[c]) for c in first) ** exponent
            extra = everything * sum(max(0.0, 1 + zs[c] - cap) for c in first)
            assert value == pytest.approx(plain + extra, rel=1e-9)
            # No other channels of the same number would be worth more.
            late = sorted((max(0.0, 1 + z - cap) for z in zs), reverse=True)
            assert extra == pytest.approx(everything * sum(late[:count]), rel=1e-9)


@settings(deadline=None, max_examples=30)
@given(neglect=neglects(), seed=st.integers(0, 1000), share=st.floats(0.1, 0.9))
def test_overdue_channels_are_trained_if_they_fit(
    neglect: Neglect, seed: int, share: float
) -> None:
    gains, cap = made_up(MODEL, seed), 4.0
    grown = neglect.reweighted(gains, cap)
    most = max(head(MODEL).entries(MODEL), int(share * MODEL.size))
    problem = Problem.build(grown, TABLE, ROOMY, most)
    choice = choose(grown, TABLE, ROOMY, max_entries=most)
    assert choice.value == pytest.approx(brute_force(problem), rel=1e-6)
    overdue = {
        name: [c for c, z in enumerate(zs) if z >= cap] for name, zs in neglect.phases.items()
    }
    needed = dict(problem.required)
    for name, late in overdue.items():
        if late and name not in needed:
            needed[name] = min(k for k in grown.gain[name] if k >= len(late))
    if problem.fits(needed):
        for name, late in overdue.items():
            if late:
                part = choice.subset.parts[name]
                assert part is None or set(late) <= set(part)


def test_a_loss_does_not_grow_with_neglect() -> None:
    gains = made_up(MODEL, 0)
    bad = type(gains)(
        "bad",
        gains.order,
        gains.gain,
        {name: tuple(-g for g in each) for name, each in gains.channel.items()},
    )
    neglect = Neglect({name: (3,) * t.channels for name, t in MODEL.tensors.items()})
    grown = neglect.reweighted(bad, math.inf)
    assert grown.channel == bad.channel
    overdue = neglect.reweighted(bad, 3.0)
    assert all(value > 0 for table in overdue.gain.values() for value in table.values())


def test_neglect_explains_a_wrong_cap() -> None:
    with pytest.raises(ValueError, match="cap = 0"):
        Neglect.none(MODEL).reweighted(made_up(MODEL, 0), 0)


@given(head_entries=st.integers(1, 50), others=st.integers(1, 5000), share=st.floats(0.01, 1.0))
def test_cap_gives_everything_two_turns(head_entries: int, others: int, share: float) -> None:
    each = max(1, int(share * others))
    cap = neglect_cap(head_entries + others, head_entries, head_entries + each)
    assert cap % 2 == 0
    assert (cap / 2 - 1) * each < others <= cap / 2 * each
