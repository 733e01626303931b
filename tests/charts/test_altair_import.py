"""Charts are there sooner, and what checks addresses elsewhere still does."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from pathlib import Path
import ftte_lab.charts
assert not {"rfc3987_syntax", "lark"} & set(sys.modules), "the slow parser was built"
from jsonschema import FormatChecker
checker = FormatChecker()
assert "iri" in checker.checkers, "the check is gone"
print(checker.conforms("https://exämple.org/ü", "iri"), checker.conforms("no address", "iri"))
assert "lark" in sys.modules
from rfc3987_syntax import is_valid_syntax
print(is_valid_syntax("iri", "https://exämple.org/ü"), is_valid_syntax.__module__.split(".")[0])
"""


def test_charts_build_no_parser_of_addresses_and_take_no_check_away() -> None:
    pytest.importorskip("rfc3987_syntax")
    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-X", "utf8", "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["True False", "True rfc3987_syntax"]


def test_no_module_imports_altair_before() -> None:
    for path in (Path(__file__).parents[2] / "ftte_lab" / "charts").glob("*.py"):
        if path.stem != "altair_import":
            assert "import altair" not in path.read_text(encoding="utf-8"), path
