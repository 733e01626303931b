"""Batteries: charged in a daily window, ready at the first possible moment, drawn apart."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ftte_lab.devices import CATALOGUE, DAY_S, Batteries, draw_batteries, sample_fleet

MIX = {"sensor": 0.4, "watch": 0.3, "pi4": 0.3}
STEP_S = 600.0


def one(capacity_j: float, charge_w: float, plug_s: float, plugged_s: float) -> Batteries:
    """A battery of one client, empty at first."""
    return Batteries(*(np.array([x]) for x in (capacity_j, 0.0, charge_w, plug_s, plugged_s)))


steps = st.integers(0, 3 * 144).map(lambda k: k * STEP_S)  # of three days, in ten-minute steps
within_day = st.integers(0, 143).map(lambda k: k * STEP_S)


@given(
    since_s=steps,
    length_s=steps,
    plug_s=within_day,
    plugged_s=st.integers(0, 144).map(lambda k: k * STEP_S),
    level_j=st.floats(0, 50),
    charge_w=st.floats(0, 0.01),
)
def test_charge_is_what_a_clock_with_small_steps_gives(
    since_s: float,
    length_s: float,
    plug_s: float,
    plugged_s: float,
    level_j: float,
    charge_w: float,
) -> None:
    level = level_j
    for step in np.arange(since_s, since_s + length_s, STEP_S):
        if (step - plug_s) % DAY_S < plugged_s:
            level = min(50.0, level + charge_w * STEP_S)
    battery = one(50.0, charge_w, plug_s, plugged_s)
    assert battery.after(0, level_j, since_s, since_s + length_s) == pytest.approx(level)


@given(
    since_s=st.floats(0, 2 * DAY_S),
    plug_s=st.floats(0, DAY_S),
    plugged_s=st.floats(60, DAY_S),
    level_j=st.floats(0, 50),
    need_j=st.floats(0, 60),
    charge_w=st.floats(1e-4, 1),
)
@example(  # so little is missing that the clock's last digit decides
    since_s=0.0, plug_s=16384.0, plugged_s=60.0, level_j=0.0, need_j=2.53e-10, charge_w=1.0
)
def test_ready_is_the_first_moment_with_enough(
    since_s: float,
    plug_s: float,
    plugged_s: float,
    level_j: float,
    need_j: float,
    charge_w: float,
) -> None:
    battery = one(50.0, charge_w, plug_s, plugged_s)
    ready_s = battery.ready_s(0, level_j, since_s, need_j)
    if need_j > 50:
        assert ready_s == math.inf
        return
    assert ready_s >= since_s
    # A moment is a float: what flows within its last digits cannot be distinguished.
    slack_j = 1e-12 + 4 * charge_w * math.ulp(max(ready_s, plug_s))
    assert battery.after(0, level_j, since_s, ready_s) == pytest.approx(need_j, abs=slack_j) or (
        ready_s == since_s and level_j >= need_j
    )
    assume(ready_s - since_s > 1)
    # Not before: a second earlier something is missing.
    earlier = battery.after(0, level_j, since_s, ready_s - 1)
    assert earlier <= need_j
    assert earlier < need_j or charge_w < 1e-9


def test_a_battery_that_is_never_charged_is_never_ready() -> None:
    for battery in (one(9.0, 0.0, 0.0, DAY_S), one(9.0, 1.0, 0.0, 0.0)):
        assert battery.ready_s(0, 3.0, 7.0, 4.0) == math.inf
        assert battery.ready_s(0, 4.0, 7.0, 4.0) == 7.0
    mains = Batteries(*(np.array([x]) for x in (math.inf, math.inf, 0.0, 0.0, 0.0)))
    assert mains.ready_s(0, math.inf, 7.0, 1e9) == 7.0
    assert mains.after(0, math.inf, 0.0, 99.0) == math.inf


@given(share=st.floats(1e-6, 1), seed=st.integers(0, 9))
def test_draws_stay_within_the_share(share: float, seed: int) -> None:
    fleet = sample_fleet(MIX, 30, seed=seed)
    drawn = draw_batteries(fleet, share, seed=seed)
    for k, name in enumerate(fleet.kind):
        kind = CATALOGUE[name]
        assert drawn.capacity_j[k] == share * kind.battery_j
        assert drawn.charge_w[k] == share * kind.charge_w
        assert drawn.plugged_s[k] == 3600 * kind.charge_h
        # Full from empty in the same time, whatever the share.
        if name == "watch":
            assert drawn.capacity_j[k] / drawn.charge_w[k] == pytest.approx(
                kind.battery_j / kind.charge_w
            )
    assert (drawn.start_j <= drawn.capacity_j).all()
    assert (drawn.start_j >= 0).all()
    assert (drawn.plug_s < DAY_S).all()


def test_draws_are_even_and_their_own() -> None:
    fleet = sample_fleet({"watch": 1.0}, 4000, seed=0)
    one, again, other = (draw_batteries(fleet, 0.1, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.start_j, again.start_j)
    assert (one.start_j != other.start_j).mean() > 0.99
    charge, hour = one.start_j / one.capacity_j, one.plug_s / DAY_S
    for even in (charge, hour):
        assert np.histogram(even, bins=4, range=(0, 1))[0] == pytest.approx([1000] * 4, abs=120)
    assert abs(np.corrcoef(charge, hour)[0, 1]) < 0.06
    # A smaller share changes capacities, and neither the hours nor how full a battery is.
    small = draw_batteries(fleet, 0.01, seed=1)
    np.testing.assert_array_equal(small.plug_s, one.plug_s)
    np.testing.assert_allclose(small.start_j / small.capacity_j, charge)


@pytest.mark.parametrize("share", [0, -0.1, 1.1, math.nan])
def test_draws_explain_a_wrong_share(share: float) -> None:
    with pytest.raises(ValueError, match=r"share = .*; allowed: "):
        draw_batteries(sample_fleet(MIX, 3, seed=0), share, seed=0)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"start_j": np.array([2.0])}, "start_j is above capacity_j; allowed: 0 to the capacity"),
        ({"charge_w": np.zeros(2)}, r"charge_w has shape \(2,\)"),
        ({"plug_s": np.array([-1.0])}, "plug_s has shape .* or a negative number; allowed: 1 num"),
        ({"plugged_s": np.array([86401.0])}, "plugged_s is longer than a day"),
    ],
)
def test_batteries_explain_what_does_not_fit(change: dict[str, Any], text: str) -> None:
    columns = dict.fromkeys(("capacity_j", "start_j", "charge_w", "plug_s", "plugged_s"))
    with pytest.raises(ValueError, match=text):
        Batteries(**{**{name: np.ones(1) for name in columns}, **change})
