"""What lies before the first trained tensor, computed once."""

import pytest
import torch

from ftte_lab.models import MODELS, make_plan
from ftte_lab.training import FrozenFeatures
from tests.oracles import data, make, plain_forward, subsets


@pytest.mark.parametrize("name", list(MODELS))
def test_frozen_features_are_the_same_whether_kept_or_not(name: str) -> None:
    model, params = make(name, dtype=torch.float64)
    x, _ = data(model, 300, torch.float64)
    for kind, subset in subsets(model, params).items():
        start = make_plan(model, subset).start
        kept, recomputed = (
            FrozenFeatures(model, params, x, start),
            FrozenFeatures(model, params, x, start, cap_bytes=0),
        )
        assert kept.kept is not None, kind
        assert recomputed.kept is None
        at = torch.tensor([[3, 299, 3], [0, 1, 150]])
        torch.testing.assert_close(kept.gather(at), recomputed.gather(at))
        want = plain_forward(model, params, x)
        for inputs in (kept, recomputed):
            torch.testing.assert_close(inputs.logits(params), want, rtol=1e-9, atol=1e-11)
