"""The nets by name, and nets of one's own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from ftte_lab.models import MODELS, Builder, build, full, make_plan
from ftte_lab.training import train_cohort
from tests.oracles import autograd, data, plain_forward


@contextmanager
def own_model(builder: Callable[[Builder, int], None]) -> Iterator[None]:
    MODELS["mine"] = builder
    try:
        yield
    finally:
        del MODELS["mine"]


@pytest.mark.parametrize("name", ["mcunet-s", "mcunet-m"])
def test_build_makes_mcunets_deep(name: str) -> None:
    model = build(name, (3, 32, 32), 10)
    assert sum(t.kind == "weight" for t in model.tensors.values()) >= 15


SIZES = {
    ("mlp", (1, 8, 8)): (6_570, 13_024),
    ("cnn", (1, 8, 8)): (14_458, 255_264),
    ("cnn-gap", (3, 32, 32)): (24_346, 5_869_888),
    ("cnn-maxpool", (3, 32, 32)): (33_946, 5_889_024),
    ("mcunet-s", (3, 128)): (10_002, 437_152),
    ("mcunet-m", (3, 32, 32)): (63_578, 2_701_824),
}
"""Parameters, and operations per sample forward: what pages and results of this kit quote."""


@pytest.mark.parametrize(("name", "shape"), list(SIZES))
def test_the_nets_have_the_sizes_that_results_quote(name: str, shape: tuple[int, ...]) -> None:
    model = build(name, shape, 10)
    parameters = sum(t.size for t in model.tensors.values())
    assert (parameters, model.flops()) == SIZES[name, shape]


def test_every_net_has_its_size_pinned() -> None:
    assert {name for name, _ in SIZES} == set(MODELS)


@pytest.mark.parametrize("shape", [(1, 8), (3, 128), (1, 8, 8), (3, 32, 32), (2, 9, 12)])
@pytest.mark.parametrize("name", list(MODELS))
def test_build_takes_signals_and_images(name: str, shape: tuple[int, ...]) -> None:
    model = build(name, shape, 7)
    assert model.forward(model.init(0), torch.zeros(2, *shape)).shape == (2, 7)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("resnet", (3, 32), 5), "resnet"),
        (("cnm", (3, 32), 5), "Did you mean 'cnn'"),
        (("cnn", (3, 32), 1), "classes = 1; allowed: an integer from 2 to 1,000,000"),
        (("cnn", (3, 32), 2.5), "classes = 2.5"),
        (("cnn", (32,), 5), "input_shape"),
        (("cnn", (3, 0), 5), "input_shape"),
        (("cnn", (3, 4), 5), "Use model 'mlp'"),
    ],
)
def test_build_refuses_wrong_arguments(arguments: tuple[Any, ...], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        build(*arguments)


def _everything(b: Builder, classes: int) -> None:
    b.conv("stem", 6, kernel=3)
    b.bottleneck("block1", 6, stride=1, expansion=2)
    b.conv("conv", 9, kernel=4, stride=2, maxpool=True)
    b.pool()
    b.linear("hidden", 5, relu=True)
    b.linear("last", classes)


@pytest.mark.parametrize("shape", [(2, 4, 5), (2, 8)])
def test_build_own_model_runs_and_trains(shape: tuple[int, ...]) -> None:
    with own_model(_everything):
        model = build("mine", shape, 3)
    assert model.blocks == ("stem", "block1", "conv", "head", "hidden", "last")
    params = model.init(0, torch.float64)
    x, y = data(model, 6, torch.float64)
    torch.testing.assert_close(model.forward(params, x.clone()), plain_forward(model, params, x))
    batches = torch.arange(6)[None, None]
    update = train_cohort(make_plan(model, full(model)), params, x, y, batches, rate=1.0)
    _, grads = autograd(model, params, x, y)
    expected = torch.cat([grads[name].flatten() for name in model.tensors])
    torch.testing.assert_close(update.rows[0], -expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("builder", "text"),
    [
        (lambda b, classes: None, r"'mine' ends with None; .*b\.linear\(\"head\", classes\)"),
        (lambda b, classes: b.linear("head", 3), r"a linear map to 5 outputs"),
        (lambda b, classes: b.linear("head", classes, relu=True), r"ends with ReLU"),
        (
            lambda b, classes: [b.linear("head", 4), b.linear("head", classes)],
            r"two operations are named 'head'; allowed: different names",
        ),
        (lambda b, classes: [b.pool(), b.conv("c", 4, 3)], r"'c' is a convolution on shape \(2,\)"),
        (
            lambda b, classes: [b.conv(f"c{k}", 4, 3, maxpool=True) for k in range(4)],
            r"'c3\.pool' turns shape .* allowed: at least 1 on every axis",
        ),
        (lambda b, classes: b.conv("c", 0, 3), r"out of c = 0"),
        (lambda b, classes: b.conv("c", 4, 3, stride=0), r"stride of c = 0"),
        (lambda b, classes: b.conv("c", 4, 3, depthwise=True), r"allowed: the input channels, 2"),
    ],
)
def test_build_explains_an_own_model_that_does_not_work(
    builder: Callable[[Builder, int], Any], text: str
) -> None:
    with own_model(builder), pytest.raises(ValueError, match=text):
        build("mine", (2, 8, 8), 5)


def test_models_refuse_what_cannot_be_called_and_keep_their_own() -> None:
    with pytest.raises(ValueError, match=r"the model 'mine' is of type int; allowed: a function"):
        MODELS["mine"] = 3  # type: ignore[assignment]
    with pytest.raises(ValueError, match="the model 'cnn' is shipped"):
        MODELS["cnn"] = _everything
