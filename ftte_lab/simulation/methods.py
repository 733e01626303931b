"""The methods as settings of one scenario."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_FEDBUFF: Mapping[str, Any] = {
    "subset": "full",
    "refill": "arrival",
    "over_select": 0.0,
    "staleness": "poly",
    "age_exponent": 0.5,
    "variance_exponent": 0.0,
    "sample_exponent": 0.0,
    "normalise": "count",
}


METHODS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "fedavg": {
            "subset": "full",
            "buffer": None,
            "refill": "step",
            "staleness": "constant",
            "variance_exponent": 0.0,
            "sample_exponent": 1.0,
            "normalise": "sum",
        },
        "fedasync": {**_FEDBUFF, "buffer": 1},
        "fedbuff": _FEDBUFF,
        "ftte": {
            **_FEDBUFF,
            "subset": "search",
            "variance_exponent": 1.0,
            "normalise": "sum",
        },
    }
)
"""FedAvg waits for its whole cohort; FedAsync, FedBuff and FTTE are buffered, with `buffer` 1 for FedAsync."""
