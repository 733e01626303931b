"""Every lesson's claims hold: at the size students run, on seeds that it does not show."""

from pathlib import Path

import pytest

from ftte_lab.course import LESSONS
from tests.claims import CLAIMS, HISTORIES, SEEDS, lessons


@pytest.fixture
def _shared_histories(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let all workers of this session share their runs in one folder."""
    base: Path = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "histories"
    folder.mkdir(exist_ok=True)
    monkeypatch.setattr(HISTORIES, "folder", folder)


@pytest.mark.slow
@pytest.mark.usefixtures("_shared_histories")
@pytest.mark.parametrize("name", CLAIMS)
def test_claim_holds(name: str, worker_id: str) -> None:
    claim = CLAIMS[name]
    values = claim.values(backwards=worker_id in ("gw1", "gw3"))
    print(f"{name}: {' '.join(f'{v:.3g}' for v in values)}")
    assert claim.holds(values), f"{name}: {values}, but must be {claim.margin}"


def test_claims_cover_every_lesson_on_at_least_five_unseen_seeds() -> None:
    assert lessons() == sorted(LESSONS)
    for claim in CLAIMS.values():
        assert len(set(claim.seeds)) >= len(SEEDS) >= 5
        assert claim.low > float("-inf") or claim.high < float("inf")
        assert 0 not in claim.seeds  # the notebooks show seed 0
