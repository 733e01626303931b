"""The study's files: two parts that end at once, files that are cut off, a disk that is full."""

import json
import multiprocessing
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.study import jobs, rates, results, study
from benchmarks.study.jobs import Job, Results, run_jobs
from ftte_lab._common import FileTroubleError
from tests.tiny import TINY

SHORT = TINY.replace(horizon_s=10.0, evaluations=4)
FORK = multiprocessing.get_context("fork") if sys.platform != "win32" else None


def row(arm: str) -> dict[str, Any]:
    return dict.fromkeys((*results.KEY, "digest"), "x") | {"arm": arm, "final_accuracy": 0.5}


def add_line(arm: str, path: Path) -> None:
    """In a process: keep a line as `python -m benchmarks.study` does, whatever is planned."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "merged", lambda tables, planned: pd.concat(tables))
        patch.setattr(results, "missing", lambda table, planned: 0)
        patch.setattr(study, "plan", list)
        chosen = study._parser().parse_args(["--results", str(path), "--no-page"])
        study._keep([pd.DataFrame([row(arm)])], chosen)


@pytest.mark.skipif(FORK is None, reason="this system cannot fork")
def test_parts_that_end_at_once_keep_all_their_lines(tmp_path: Path) -> None:
    path, arms = tmp_path / "study.csv", [f"arm {k}" for k in range(6)]
    assert FORK is not None
    parts = [FORK.Process(target=add_line, args=(arm, path)) for arm in arms]
    for part in parts:
        part.start()
    for part in parts:
        part.join(60)
        assert part.exitcode == 0
    assert sorted(results.read(path)["arm"]) == arms


@pytest.mark.parametrize("share", [0.0, 0.4, 0.9])
def test_lines_that_are_cut_off_are_not_taken_for_all(tmp_path: Path, share: float) -> None:
    path = tmp_path / "study.csv"
    results.write(pd.DataFrame([row("a"), row("b")]), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(FileTroubleError, match=r"study\.csv cannot be read .*; allowed: lines"):
        results.read(path)


def test_rates_of_two_processes_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "RATES", tmp_path / "rates.json")
    rates.read.cache_clear()
    try:
        assert rates.keep({"cell": {"a": 1.0}}) == 1
        # Another process adds one, behind the back of this one's cache.
        (tmp_path / "rates.json").write_text('{"cell": {"a": 1.0, "b": 2.0}}')
        assert rates.keep({"cell": {"c": 3.0}}) == 3
        assert json.loads((tmp_path / "rates.json").read_text())["cell"]["b"] == 2.0
    finally:
        rates.read.cache_clear()


@pytest.mark.parametrize("content", [b"", b'{"history": {', b"[]", b"\0" * 100, b'{"core_s": 1}'])
def test_a_job_that_is_cut_off_is_done_again(tmp_path: Path, content: bytes) -> None:
    job = Job("run", SHORT)
    job.path(tmp_path).write_bytes(content)
    assert not Results(tmp_path).has(SHORT)
    assert not job.is_done(tmp_path)


def test_a_full_disk_is_a_sentence_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileTroubleError, match=r"cannot be written .*What is kept stays"):
        run_jobs([Job("run", SHORT)], tmp_path / "file" / "below")

    def full(*_: Any) -> None:
        with jobs._writing(tmp_path):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(study, "_study", full)
    with pytest.raises(SystemExit) as ended:
        study.main(["--quick"])
    assert ended.value.code == 2
    assert "No space left on device); allowed: " in capsys.readouterr().err
