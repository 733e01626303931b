"""Atomic writes: a file is complete, or as it was before."""

import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from ftte_lab._common import write_atomic

# The module is run by its path, because importing the package takes seconds.
_KILLED = """
import os, runpy, sys
from pathlib import Path

write_atomic = runpy.run_path(sys.argv[2])["write_atomic"]

def write_half(file):
    file.write(b"half")
    file.flush()
    os._exit(9)

write_atomic(Path(sys.argv[1]), write_half)
"""


def test_write_atomic_writes_bytes(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", b"one")
    write_atomic(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"two"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_write_atomic_calls_a_writer(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", lambda file: file.write(b"one"))
    assert (tmp_path / "a").read_bytes() == b"one"


def test_write_atomic_keeps_the_old_file_when_the_writer_fails(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")

    def broken(file: BinaryIO) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomic(target, broken)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_write_atomic_keeps_the_old_file_when_the_process_is_killed(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    arguments = [sys.executable, "-c", _KILLED, str(target), write_atomic.__code__.co_filename]
    killed = subprocess.run(arguments, check=False)  # noqa: S603
    assert killed.returncode == 9
    assert target.read_bytes() == b"old"


def test_write_atomic_keeps_the_old_file_when_replacing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")

    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(PermissionError):
        write_atomic(target, b"new")
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_write_atomic_needs_the_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none"):
        write_atomic(tmp_path / "none" / "a", b"one")
