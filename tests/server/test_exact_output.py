"""The exact search and the standard output: what others print arrives, with or without one."""

import subprocess
import sys

import pytest

OVERLAP = """
from concurrent.futures import ThreadPoolExecutor
from ftte_lab.server.search.exact import _silent
from ftte_lab.simulation import prepare
from tests.tiny import TINY
s = TINY.as_method("ftte").replace(solver="exact")
print("before")
with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda k: prepare(s.replace(budget_kib=40.0 + k)), range(8)))
print("after threads", flush=True)
for turn in range(3):
    _silent.__enter__(), _silent.__enter__()
    _silent.__exit__(), _silent.__exit__()
print("after overlap", flush=True)
"""
CLOSED = """
import os, sys
from ftte_lab.simulation import prepare
from tests.tiny import TINY
prepare(TINY.as_method("ftte").replace(solver="exact"))
sys.stderr.write("prepared")
"""


def test_what_is_printed_arrives_with_threads() -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", OVERLAP], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["before", "after threads", "after overlap"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_the_search_works_without_an_output() -> None:
    done = subprocess.run(  # noqa: S603
        ["sh", "-c", 'exec "$0" -c "$1" >&-', sys.executable, CLOSED],  # noqa: S607
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.stderr.endswith("prepared")
