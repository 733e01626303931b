"""Every lesson's claims hold: at the size students run, on seeds that it does not show.

One seed is measured again, the others are those of `tests/claims/measured.json`; see that package.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from ftte_lab.course import LESSONS
from tests.claims import (
    AGAIN,
    CLAIMS,
    RECORD,
    SEEDS,
    STORE,
    lessons,
    measured,
    recorded,
    units,
    values,
)
from tests.simulation.test_golden import machine


@pytest.fixture
def _shared_store(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let all workers of this session share what they measure."""
    base: Path = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "claims"
    folder.mkdir(exist_ok=True)
    monkeypatch.setattr(STORE, "folder", folder)


@pytest.mark.slow
@pytest.mark.usefixtures("_shared_store")
@pytest.mark.parametrize(("number", "seed"), units(AGAIN))
def test_lesson_is_measured(number: str, seed: int) -> None:
    """Do the work in small parts, so that processes can share it; the margins are tested below."""
    assert np.isfinite(list(measured(number, seed).values())).all()


@pytest.mark.reads_measurements
@pytest.mark.usefixtures("_shared_store")
@pytest.mark.parametrize("name", CLAIMS)
def test_claim_holds(name: str) -> None:
    claim = CLAIMS[name]
    for found in (values(name, ()), values(name, AGAIN)):
        print(f"{name}: {' '.join(f'{v:.3g}' for v in found)}")
        assert claim.holds(found), f"{name}: {found}, but must be {claim.margin}"


@pytest.mark.reads_measurements
@pytest.mark.usefixtures("_shared_store")
@pytest.mark.parametrize("name", [name for name, claim in CLAIMS.items() if claim.repeats])
def test_what_is_kept_is_what_this_code_gives(name: str) -> None:
    if json.loads(RECORD.read_text())["machine"] != machine():
        pytest.skip("another machine than the one that wrote the file: its last digits differ")
    for seed in AGAIN:
        assert recorded()[name][str(seed)] == measured(name[:2], seed)[name], (
            f"{name}: run `python -m tests.claims {name[:2]} --record`, and judge the table"
        )


def test_every_number_is_kept() -> None:
    assert {name: [*map(int, kept)] for name, kept in recorded().items()} == {
        name: [*claim.seeds] for name, claim in CLAIMS.items()
    }


def test_claims_cover_every_lesson_on_at_least_five_unseen_seeds() -> None:
    assert lessons() == sorted(LESSONS)
    for claim in CLAIMS.values():
        assert len(set(claim.seeds)) >= len(SEEDS) >= 5
        assert claim.low > float("-inf") or claim.high < float("inf")
        assert {*AGAIN} <= {*claim.seeds}
        assert 0 not in claim.seeds  # the notebooks show seed 0
