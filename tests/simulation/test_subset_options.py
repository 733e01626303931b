"""The search's settings reach the search: exponent, granularity, and the kinds of chance."""

import pytest
import torch

from ftte_lab.models import Subset
from ftte_lab.server import Choice, measure
from ftte_lab.simulation import Scenario, prepare
from tests.server.gains import layer_of
from tests.tiny import TINY

DEEP = TINY.replace(model="mcunet-s", budget_kib=1000.0, payload_share=0.25)


def choice(scenario: Scenario) -> Choice:
    """What the server chose for the fleet."""
    chosen = prepare(scenario).choice
    assert chosen is not None
    return chosen


def test_gain_exponent_changes_the_choice_and_its_value() -> None:
    scenario = DEEP.replace(gain_exponent=0.5)
    plain, root = choice(DEEP), choice(scenario)
    assert plain.subset != root.subset
    federation = prepare(scenario).federation
    x, y = (torch.as_tensor(a) for a in (federation.dataset.x_public, federation.dataset.y_public))
    gains = measure(
        federation.model, federation.params, x, y, "fisher", channels_by="gain", exponent=0.5
    )
    assert root.value == pytest.approx(gains.value_of(root.subset), rel=1e-5)
    assert root.value > gains.value_of(plain.subset)


def test_granularity_trains_complete_layers() -> None:
    layers = choice(DEEP.replace(granularity="layer"))
    model = prepare(DEEP).federation.model
    assert layers.proven
    assert layers.subset.entries(model) <= 0.25 * model.size
    trained = {layer_of(name) for name in layers.subset.parts}
    assert layers.subset == Subset({n: None for n in model.tensors if layer_of(n) in trained})
    assert 1 < len(trained) < len({layer_of(name) for name in model.tensors})
    assert layers.value < choice(DEEP).value


def test_chance_is_drawn_by_the_seed_and_shuffles_channels() -> None:
    ordered, pure, other = (
        choice(DEEP.replace(solver=solver, seed=seed))
        for solver, seed in (("random", 1), ("pure_random", 1), ("pure_random", 2))
    )
    assert pure.counts == ordered.counts
    assert pure.subset != ordered.subset
    assert pure.counts != other.counts
    assert pure.value < ordered.value < choice(DEEP.replace(seed=1)).value
