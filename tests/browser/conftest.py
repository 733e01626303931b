"""One JupyterLab and one Chromium for these tests; skipped where there is no Chromium."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.driver import Server, Tab, browse, chromium, serve


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if chromium() is None:
        if os.environ.get("FTTE_BROWSER") == "required":
            pytest.fail("FTTE_BROWSER is 'required', but there is no Chromium")
        pytest.skip("no Chromium: install it, or set FTTE_CHROMIUM")
    with serve(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture
def tab(server: Server, tmp_path: Path) -> Iterator[Tab]:
    with browse(server, tmp_path / "profile") as tab:
        yield tab
        assert tab.outside == []
        assert tab.problems == []
