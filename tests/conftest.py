"""Every test process computes as the kit does, with one thread; slow tests are spread evenly."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from ftte_lab._common import Registry, configure_process
from ftte_lab.data import SOURCES
from ftte_lab.devices import CATALOGUE
from ftte_lab.models import MODELS
from ftte_lab.server import CORRECTIONS, MEASURES, SOLVERS, STALENESS
from ftte_lab.simulation import METHODS
from ftte_lab.simulation.kept import forget_prepared

configure_process()
# No test is timed: a busy machine must not fail one. The examples are the same each time, so that a
# change is judged by the change alone; `--hypothesis-profile=search` draws new ones.
settings.register_profile("kit", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None)
# A changed copy of the code is judged by few examples: tests/mutants.py.
settings.register_profile(
    "mutants", deadline=None, max_examples=20, derandomize=True, database=None
)
# A first look at each change: make test-fast.
settings.register_profile("fast", deadline=None, max_examples=10, derandomize=True)
settings.load_profile("kit")

REGISTRIES: tuple[Registry[object], ...] = (  # type: ignore[assignment]
    SOURCES,
    CATALOGUE,
    MODELS,
    CORRECTIONS,
    MEASURES,
    SOLVERS,
    STALENESS,
    METHODS,
)


@pytest.fixture(autouse=True)
def _registries_as_shipped() -> Iterator[None]:
    """Undo what a test or an example registered or switched on, so that no later test meets it."""
    yield
    for registry in REGISTRIES:
        registry.clear()
    forget_prepared()  # a Lab has it kept on disk


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests so that processes start with slow ones and end together.

    Each process is handed an equal number of neighbours. So each such part begins with its share
    of the slow tests; those of one seed stay together, because they start from the same trained
    model. Tests that read what slow ones have measured come last of all: earlier they would wait
    for another process, or compute the same again.
    """
    parts = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if item.get_closest_marker("slow")]
    last = [item for item in items if item.get_closest_marker("reads_measurements")]
    apart = {id(item) for item in (*slow, *last)}
    quick = [item for item in items if id(item) not in apart]
    ordered: list[pytest.Item] = []
    for k in range(parts):
        mine = [item for n, item in enumerate(slow) if _group(item, n) % parts == k]
        room = max(0, round((k + 1) * len(items) / parts) - len(ordered) - len(mine))
        ordered += mine + quick[:room]
        quick = quick[room:]
    items[:] = [*ordered, *quick, *last]


def _group(item: pytest.Item, number: int) -> int:
    """Return the seed of a test that has one, so that all tests of a seed have the same group."""
    callspec = getattr(item, "callspec", None)
    return int(callspec.params.get("seed", number)) if callspec else number
