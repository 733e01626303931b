"""The script of a Lab runs as it is and gives the Lab's numbers."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftte_lab.data import OWN_DATA, SOURCES, own_data
from ftte_lab.experiments import PRESETS
from ftte_lab.lab import Settings
from ftte_lab.lab.as_python import as_python
from ftte_lab.lab.lab import Lab
from tests.data.test_own_data import as_csv
from tests.lab.page import TINY_SETTINGS

ROOT = Path(__file__).parents[2]
MORE = """
        for name, history in histories.items():
            print("RUN", name, seed, runs[name].digest(), history.to_json())
"""
RUFF = ["-m", "ruff"]
PATH = 'folder of somebody\'s "own" data'


def executed(script: str, folder: Path) -> tuple[str, dict[tuple[str, int], tuple[str, str]]]:
    """Run a script in a process of its own; return what it prints, and its runs."""
    path = folder / "script.py"
    path.write_text(script + MORE.lstrip("\n"))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(  # noqa: S603
        [sys.executable, path], capture_output=True, text=True, env=environment, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    runs = {}
    for line in done.stdout.splitlines():
        if line.startswith("RUN "):
            _, name, seed, digest, text = line.split(" ", 4)
            runs[name, int(seed)] = digest, text
    return done.stdout, runs


def test_script_gives_the_numbers_of_the_lab(tmp_path: Path) -> None:
    settings = TINY_SETTINGS.replace(
        methods=("fedavg", "ftte"),
        rates={"fedavg": 1.0, "ftte": 1.5},
        own={"ftte": {"server_average": 0.9, "micro_batch": "auto"}},
        seeds=2,
        target=0.3,
    ).set(mix={"sensor": 0.25, "phone": 0.75}, seed=3)
    lab = Lab(settings, mode="batch")
    printed, runs = executed(as_python(settings), tmp_path)
    wanted = {
        (name, 3 + k): (settings.runs(k)[name].digest(), json.loads(history.to_json()))
        for name, histories in lab.results().items()
        for k, history in enumerate(histories)
    }
    assert {key: (digest, json.loads(text)) for key, (digest, text) in runs.items()} == wanted
    assert printed.count("time to target") == 2
    assert "FTTE" in printed


@pytest.fixture
def cups(tmp_path: Path) -> Iterator[Any]:
    folder = tmp_path / PATH
    folder.mkdir()
    (folder / "cups.csv").write_bytes(as_csv())
    yield own_data(folder / "cups.csv")
    del SOURCES["cups"], OWN_DATA["cups"]


def test_script_reads_own_data(tmp_path: Path, cups: Any) -> None:
    settings = TINY_SETTINGS.set(data="cups", model=cups.model, clients=cups.people, concurrency=5)
    settings = settings.replace(methods=("fedbuff",))
    lab = Lab(settings, mode="batch")
    _, runs = executed(as_python(settings), tmp_path)
    assert runs["fedbuff", 0][1] == lab.result()["fedbuff"].to_json()


EXAMPLES = {name: Settings(comparison) for name, comparison in PRESETS.items()} | {
    "plain": Settings().replace(scenario=Settings().scenario.from_dict({}), rates={}, own={}),
    "many": Settings().replace(
        methods=("fedavg", "fedprox", "scaffold", "fedasync", "fedbuff", "fedbuff_average", "ftte"),
        seeds=10,
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_script_is_formatted_and_says_the_same_settings(name: str, tmp_path: Path) -> None:
    settings = EXAMPLES[name]
    script = as_python(settings)
    assert max(map(len, script.splitlines())) <= 100
    named = {node.id for node in ast.walk(ast.parse(script)) if isinstance(node, ast.Name)}
    assert {"Comparison", "run_all", "scoreboard"} <= named
    made: dict[str, Any] = {}
    exec(script, made)  # noqa: S102  # __name__ is not __main__: nothing runs
    comparison = made["comparison"]
    seed = settings.scenario.seed
    assert comparison.runs(seed) == settings.runs()
    path = tmp_path / "script.py"
    path.write_text(script)
    rules = ["--isolated", "--line-length=100", str(path)]
    select = ["--select=E,F,I,N,UP,B,SIM,PIE,C4,RUF,PERF,RET,D1", "--target-version=py311"]
    for command in (["check", *select], ["format", "--check"]):
        done = subprocess.run(  # noqa: S603
            [sys.executable, *RUFF, *command, *rules], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr + script
