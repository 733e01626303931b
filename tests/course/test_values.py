"""Values are compared and shown as a student would."""

import numpy as np
import torch

from ftte_lab.course.values import difference, same, show


def test_same_ignores_the_type_and_keeps_the_tolerance() -> None:
    assert same(np.float32(2.5), 2.5, 1e-6)
    assert same(torch.tensor([1.0, 2.0]), (1, 2), 1e-6)
    assert not same([1, 2], [1, 2, 3], 1e-6)
    assert not same(True, 1, 1e-6)
    assert not same(float("nan"), 1.0, 1e-6)
    assert same({"a": [1]}, {"a": (1,)}, 1e-6)


def test_show_is_short() -> None:
    assert show(np.arange(20)) == "[0, 1, 2, 3, 4, 5, 6, 7, … 20 in all]"
    assert show(1 / 3) == "0.3333"
    assert show(torch.tensor(2.0)) == "2"


def test_difference_names_another_kind_or_length() -> None:
    assert "returned nothing" in difference(None, 3)
    assert "2 entries came back instead of 3" in difference([1, 2], [1, 2, 3])
    assert "list or an array of 2" in difference(1, [1, 2])
