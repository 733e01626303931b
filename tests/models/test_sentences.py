"""Every refusal of the nets, subsets and messages to the letter."""

# Wrong types are given on purpose.
# mypy: disable-error-code="arg-type,list-item,dict-item,assignment"

from __future__ import annotations

import pytest
import torch

from ftte_lab.models import (
    MODELS,
    Builder,
    Model,
    RowFormat,
    Subset,
    at_ratio,
    build,
    channels_at_ratio,
    last_blocks,
    make_plan,
    pack,
    unpack,
    validated_subset,
)
from tests.sentences import Refusals, check_refused

NET = build("mlp", (1, 8, 8), 5)
START = NET.init(0)
BARE = RowFormat({"a.weight": (2, 1), "b.weight": (3,)}, 8, names=False)
NAMED = RowFormat({"a.weight": (2, 1), "b.weight": (3,)}, 8)


def chosen(parts: object) -> object:
    return validated_subset(NET, Subset(parts))


def mine(
    *calls: tuple[str, tuple[object, ...], dict[str, object]], shape: object = (2, 8, 8)
) -> object:
    def layers(b: Builder, classes: int) -> None:
        for name, given, named in calls:
            getattr(b, name)(*given, **named)

    MODELS["mine"] = layers
    return build("mine", shape, 5)


REFUSED: Refusals = [
    # payload.py
    (
        lambda: unpack(b""),
        "the message of 0 bytes is unreadable (…); allowed: what pack made.",
    ),
    (
        lambda: unpack(pack({"a": torch.ones(3)})[:-1]),
        "the message of 75 bytes is unreadable (…); allowed: what pack made.",
    ),
    (
        lambda: RowFormat({}, 4),
        "bits = 4 is not known; allowed: 32, 16, 8. Choose one of these.",
    ),
    (
        lambda: BARE.pack(torch.ones(4)),
        "a row of shape (4,); allowed: (5,), the entries of the slices.",
    ),
    (
        lambda: BARE.pack(torch.ones(5, 1)),
        "a row of shape (5, 1); allowed: (5,), the entries of the slices.",
    ),
    (
        lambda: BARE.unpack(BARE.pack(torch.ones(5))[:-1]),
        "the message of 12 bytes is unreadable; allowed: 13 bytes, as pack makes them.",
    ),
    (
        lambda: RowFormat({"a.weight": (2,)}, 16, names=False).unpack(bytes(5)),
        "the message of 5 bytes is unreadable; allowed: 4 bytes, as pack makes them.",
    ),
    (
        lambda: RowFormat({"a.weight": (2,)}, 32, names=False).unpack(bytes(9)),
        "the message of 9 bytes is unreadable; allowed: 8 bytes, as pack makes them.",
    ),
    (
        lambda: NAMED.unpack(pack({"a.weight": torch.ones(2, 1)})),
        "the message of 80 bytes holds other tensors; allowed: what pack made in the same format.",
    ),
    (
        lambda: NAMED.unpack(RowFormat(NAMED.shapes, 16).pack(torch.ones(5))),
        "the message of 146 bytes holds other tensors; allowed: what pack made in the same format.",
    ),
    (
        lambda: RowFormat(NAMED.shapes, 16).unpack(NAMED.pack(torch.ones(5))),
        "the message of 205 bytes holds other tensors; allowed: what pack made in the same format.",
    ),
    (
        lambda: RowFormat({"a.weight": (1, 2)}).unpack(
            RowFormat({"a.weight": (2, 1)}).pack(torch.ones(2))
        ),
        "the message of 80 bytes holds other tensors; allowed: what pack made in the same format.",
    ),
    # subset.py and plan.py
    (
        lambda: Subset.from_json(""),
        "not a subset index: it is not JSON (…); allowed: what Subset.to_json writes.",
    ),
    (
        lambda: Subset.from_json("[1]"),
        "not a subset index: it is not a JSON object; allowed: what Subset.to_json writes.",
    ),
    (
        lambda: Subset.from_json('{"a": ["x"]}'),
        "not a subset index (…); allowed: the text that Subset.to_json writes.",
    ),
    (
        lambda: Subset.from_json('{"a": 1}'),
        "not a subset index (…); allowed: the text that Subset.to_json writes.",
    ),
    (
        lambda: chosen({}),
        "the subset is empty; allowed: 1 to 6 tensors. Train at least the head.",
    ),
    (
        lambda: make_plan(NET, Subset({})),
        "the subset is empty; allowed: 1 to 6 tensors. Train at least the head.",
    ),
    (
        lambda: chosen({"head.wieght": None}),
        "tensor = 'head.wieght' is not known; allowed: hidden1.weight, hidden1.bias, "
        "hidden2.weight, hidden2.bias, head.weight, head.bias. Did you mean 'head.weight'?",
    ),
    (
        lambda: chosen({"head.weight": ()}),
        "channels of head.weight = (); allowed: sorted different indices from 0 to 31.",
    ),
    (
        lambda: chosen({"head.weight": (3, 1)}),
        "channels of head.weight = (3, 1); allowed: sorted different indices from 0 to 31.",
    ),
    (
        lambda: chosen({"head.weight": (1, 1)}),
        "channels of head.weight = (1, 1); allowed: sorted different indices from 0 to 31.",
    ),
    (
        lambda: chosen({"head.weight": (-1, 1)}),
        "channels of head.weight = (-1, 1); allowed: sorted different indices from 0 to 31.",
    ),
    (
        lambda: chosen({"head.weight": (0, 32)}),
        "channels of head.weight = (0, 32); allowed: sorted different indices from 0 to 31.",
    ),
    (
        lambda: chosen({"head.bias": (0,)}),
        "head.bias has no channels to choose from; allowed: None, the complete tensor.",
    ),
    (
        lambda: last_blocks(NET, 0),
        "count = 0; allowed: an integer from 1 to 3.",
    ),
    (
        lambda: last_blocks(NET, 4),
        "count = 4; allowed: an integer from 1 to 3.",
    ),
    (
        lambda: at_ratio(NET, START, {"head": 0.5}),
        "tensor = 'head' is not known; allowed: hidden1.weight, hidden1.bias, hidden2.weight, "
        "hidden2.bias, head.weight, head.bias. Did you mean 'head.bias'?",
    ),
    (
        lambda: at_ratio(NET, START, {"head.weight": 1.5}),
        "ratio of head.weight = 1.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: at_ratio(NET, START, {"head.weight": -0.5}),
        "ratio of head.weight = -0.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: channels_at_ratio(0, 0.5),
        "channels = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: channels_at_ratio(1, 1.5),
        "ratio = 1.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: channels_at_ratio(1, -0.5),
        "ratio = -0.5; allowed: a number from 0 to 1.",
    ),
    # model.py
    (
        lambda: Model.from_json(""),
        "the text does not describe a net and is not JSON (…); allowed: what Model.to_json writes.",
    ),
    (
        lambda: Model.from_json("[]"),
        "the text does not describe a net and is not a JSON object; allowed: what Model.to_json "
        "writes.",
    ),
    (
        lambda: Model.from_json("{}"),
        "the text does not describe a net (…); allowed: what Model.to_json writes.",
    ),
    (
        lambda: Model.from_json('{"ops": [["Nothing", {}]]}'),
        "the text does not describe a net (…); allowed: what Model.to_json writes.",
    ),
    (
        lambda: Model.from_json('{"ops": [["ReLU", {"colour": 1}]]}'),
        "the text does not describe a net (…); allowed: what Model.to_json writes.",
    ),
    # zoo.py
    (
        lambda: build("resnet", (3, 32), 5),
        "model = 'resnet' is not known; allowed: mlp, cnn, cnn-maxpool, cnn-gap, mcunet-s, "
        "mcunet-m. Choose one of these.",
    ),
    (
        lambda: build("cnm", (3, 32), 5),
        "model = 'cnm' is not known; allowed: mlp, cnn, cnn-maxpool, cnn-gap, mcunet-s, mcunet-m."
        " Did you mean 'cnn'?",
    ),
    (
        lambda: build("cnn", (3, 32), 1),
        "classes = 1; allowed: an integer from 2 to 1,000,000.",
    ),
    (
        lambda: build("cnn", (3, 32), 10**6 + 1),
        "classes = 1000001; allowed: an integer from 2 to 1,000,000.",
    ),
    (
        lambda: build("cnn", (32,), 5),
        "input_shape = (32,); allowed: (channels, length) or (channels, height, width), all at "
        "least 1.",
    ),
    (
        lambda: build("cnn", (1, 9, 9, 9), 5),
        "input_shape = (1, 9, 9, 9); allowed: (channels, length) or (channels, height, width), "
        "all at least 1.",
    ),
    (
        lambda: build("cnn", (3, 0), 5),
        "input_shape = (3, 0); allowed: (channels, length) or (channels, height, width), all at "
        "least 1.",
    ),
    (
        lambda: build("cnn", (3, 9.5), 5),
        "input_shape = (3, 9.5); allowed: (channels, length) or (channels, height, width), all at"
        " least 1.",
    ),
    (
        lambda: build("cnn", (3, 9, 7), 5),
        "input_shape = (3, 9, 7); allowed: space axes of at least 8 for 'cnn'. Use model 'mlp'.",
    ),
    (
        lambda: mine(),
        "the model 'mine' ends with None; allowed: a linear map to 5 outputs. End it with "
        'b.linear("head", classes).',
    ),
    (
        lambda: mine(("linear", ("head", 3), {})),
        "the model 'mine' ends with Linear(name='head', in_shape=(2, 8, 8), out_shape=(3,)); "
        'allowed: a linear map to 5 outputs. End it with b.linear("head", classes).',
    ),
    (
        lambda: mine(("linear", ("head", 5), {"relu": True})),
        "the model 'mine' ends with ReLU(name='head.relu', in_shape=(5,), out_shape=(5,)); "
        'allowed: a linear map to 5 outputs. End it with b.linear("head", classes).',
    ),
    (
        lambda: mine(("linear", ("head", 0), {})),
        "out of head = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: mine(("linear", ("head", 4), {}), ("linear", ("head", 5), {})),
        "two operations are named 'head'; allowed: different names.",
    ),
    (
        lambda: mine(("pool", (), {}), ("conv", ("c", 4, 3), {})),
        "'c' is a convolution on shape (2,); allowed: (channels, *space). Put it before pool and "
        "linear.",
    ),
    (
        lambda: mine(("pool", (), {}), ("pool", (), {})),
        "two operations are named 'head.pool'; allowed: different names.",
    ),
    (
        lambda: mine(*(("conv", (f"c{k}", 4, 3), {"maxpool": True}) for k in range(4))),
        "'c3.pool' turns shape (4, 1, 1) into (4, 0, 0); allowed: at least 1 on every axis. Use "
        "fewer strides and pools.",
    ),
    (
        lambda: mine(("conv", ("c", 0, 3), {})),
        "out of c = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: mine(("conv", ("c", 4, 0), {})),
        "kernel of c = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: mine(("conv", ("c", 4, 3, 0), {})),
        "stride of c = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: mine(("conv", ("c", 4, 3), {"depthwise": True})),
        "out = 4 of depthwise 'c'; allowed: the input channels, 2.",
    ),
    (
        lambda: mine(("bottleneck", ("b", 4, 1, 0), {})),
        "expansion of b = 0; allowed: an integer from 1 upwards.",
    ),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_models_refuses_in_its_own_words(number: int) -> None:
    check_refused(*REFUSED[number])
