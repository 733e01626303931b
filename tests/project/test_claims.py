"""Every lesson's aha holds: at the size students run, on seeds other than those it shows, with a stated margin."""

import pytest

from ftte_lab.course import LESSONS
from tests.claims import CLAIMS, SEEDS, lessons


@pytest.mark.slow
@pytest.mark.parametrize("lesson", lessons())
def test_the_lesson_is_true(lesson: str) -> None:
    for name, claim in CLAIMS.items():
        if name.startswith(lesson):
            values = claim.values()
            print(f"{name}: {' '.join(f'{v:.3g}' for v in values)}")
            assert claim.holds(values), (
                f"{name}: {values}, but must lie in [{claim.low}, {claim.high}]"
            )


def test_every_lesson_claims_something_over_at_least_five_seeds() -> None:
    assert lessons() == sorted(LESSONS)
    for claim in CLAIMS.values():
        assert len(set(claim.seeds)) >= len(SEEDS) >= 5
        assert claim.low > float("-inf") or claim.high < float("inf")
        assert 0 not in claim.seeds  # the notebooks show seed 0
