"""Pin the addresses of runs: a kept run is found by the digest of its scenario.

`digests.json` holds what was true before the package was restructured: the defaults of all fields,
the digest of the default scenario under each method, and the scenarios of the presets (seeds 0 and
1), of the lessons (both sizes) and of the study (its first seed, and the quick corner). A place has
the fields that differ from the defaults, and for each run there its digest and the fields in which
it differs from the place. A default that has changed since stands in `FIRST_EDITION`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ftte_lab import Scenario
from ftte_lab.simulation import FIRST_EDITION

PINNED: dict[str, Any] = json.loads(Path(__file__).with_name("digests.json").read_text())
PLACES = [(kind, place) for kind, places in PINNED["scenarios"].items() for place in places]


def test_the_defaults_are_what_they_were() -> None:
    """Compare the fields of the record: a file that leaves one out must mean the same run."""
    now = {**Scenario().to_dict(), **FIRST_EDITION}
    assert {name: now[name] for name in PINNED["defaults"]} == PINNED["defaults"]


@pytest.mark.parametrize("method", PINNED["methods"])
def test_a_method_sets_what_it_set(method: str) -> None:
    """Put the default scenario under each method."""
    assert Scenario(**FIRST_EDITION).as_method(method).digest() == PINNED["methods"][method]


@pytest.mark.parametrize(("kind", "place"), PLACES, ids=[", ".join(one) for one in PLACES])
def test_scenarios_keep_their_digests(kind: str, place: str) -> None:
    """Rebuild all runs of a place from their fields."""
    pinned = PINNED["scenarios"][kind][place]
    runs = pinned["runs"].items()
    now = {
        name: Scenario(**{**FIRST_EDITION, **pinned["fields"], **own}).digest()
        for name, (_, own) in runs
    }
    assert now == {name: digest for name, (digest, _) in runs}
