"""Locks: changes of several processes to one file are all kept."""

import json
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from ftte_lab._common import changing, lock, try_lock, write_atomic

ROUNDS = 25


def add_some(path: Path, name: str) -> None:
    for k in range(ROUNDS):
        with changing(path):
            content = json.loads(path.read_text()) if path.exists() else []
            write_atomic(path, json.dumps([*content, f"{name}{k}"]).encode())


@pytest.mark.skipif(lock.fcntl is None, reason="this system has no such locks")
def test_changes_of_three_processes_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    context = multiprocessing.get_context("fork")  # starts at once: nothing has to be imported
    writers = [context.Process(target=add_some, args=(path, name)) for name in "xyz"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    assert sorted(json.loads(path.read_text())) == sorted(
        f"{name}{k}" for name in "xyz" for k in range(ROUNDS)
    )
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.skipif(lock.fcntl is None, reason="this system has no such locks")
def test_a_lock_that_is_never_given_back_does_not_stop_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_WAIT_S", 0.1)
    handle = os.open(tmp_path, os.O_RDONLY)
    try:
        assert try_lock(handle) is True
        with changing(tmp_path / "a"):
            (tmp_path / "a").write_text("changed")
    finally:
        os.close(handle)
    assert (tmp_path / "a").read_text() == "changed"


def test_without_locks_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(lock, "fcntl", None)
    monkeypatch.setattr(time, "sleep", waited.append)
    with changing(tmp_path / "a"), changing(tmp_path / "a"):
        assert not waited
    with changing(tmp_path / "no folder" / "a"):
        assert not waited
