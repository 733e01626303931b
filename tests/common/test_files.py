"""Atomic writes: a file is complete, or as it was before."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest

from ftte_lab._common import cached_text, is_file, require_writable, write_atomic

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


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_write_atomic_gives_the_mode_that_the_umask_allows(
    tmp_path: Path, umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "a", b"one")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def test_write_atomic_of_several_writers_gives_one_whole_file(tmp_path: Path) -> None:
    """Let twelve threads write one file, each in two halves, while it is read."""
    contents = {bytes([65 + k]) * 20_000 for k in range(12)}
    target = tmp_path / "a"

    def in_halves(content: bytes) -> None:
        def write(file: BinaryIO) -> None:
            file.write(content[:10_000])
            file.flush()
            file.write(content[10_000:])

        for _ in range(5):
            write_atomic(target, write)
            assert target.read_bytes() in contents

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(in_halves, contents))
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_write_atomic_on_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    target = tmp_path / "a"
    target.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_atomic(target, b"n" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_write_atomic_says_what_happened_when_the_folder_vanishes(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()

    def vanish(file: BinaryIO) -> None:
        file.write(b"half")
        shutil.rmtree(folder)

    with pytest.raises(FileNotFoundError):
        write_atomic(folder / "a", vanish)


def test_write_atomic_removes_what_killed_writers_left_and_nothing_else(tmp_path: Path) -> None:
    abandoned = tmp_path / f".a.{16 * '0'}.ftte-part"
    at_work = tmp_path / f".a.{16 * '1'}.ftte-part"
    foreign = [tmp_path / name for name in (".a.part", "a.ftte-part", ".x", ".a.12.ftte-part")]
    for path in (abandoned, at_work, *foreign):
        path.write_bytes(b"half")
    for path in (abandoned, *foreign):
        os.utime(path, (0, 0))
    write_atomic(tmp_path / "a", b"one")
    assert set(tmp_path.iterdir()) == {tmp_path / "a", at_work, *foreign}


def test_write_atomic_takes_the_longest_name(tmp_path: Path) -> None:
    write_atomic(tmp_path / ("a" * 255), b"one")
    assert [len(p.name) for p in tmp_path.iterdir()] == [255]


def test_write_atomic_waits_on_windows_while_somebody_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulate what Windows does: a file that is open elsewhere cannot be replaced."""
    refused = [PermissionError(), PermissionError()]
    replace = os.replace

    def sometimes(source: Path, target: Path) -> None:
        if refused:
            raise refused.pop()
        replace(source, target)

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "replace", sometimes)
    write_atomic(tmp_path / "a", b"one")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert not refused


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content.replace(b"made", b"evil"),
        lambda content: b"\xff\xfe\x00",
        lambda content: b"made",
    ],
)
def test_cached_text_makes_a_damaged_file_again(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "text.js"
    assert cached_text(path, lambda: "made\r\nmärchen") == "made\r\nmärchen"
    whole = path.read_bytes()
    assert cached_text(path, lambda: "other") == "made\r\nmärchen"
    path.write_bytes(damage(whole))
    assert cached_text(path, lambda: "made\r\nmärchen") == "made\r\nmärchen"
    assert path.read_bytes() == whole


def test_cached_text_needs_no_folder_that_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert cached_text(tmp_path / "file" / "below" / "a.js", lambda: "made") == "made"


def test_require_writable_leaves_nothing(tmp_path: Path) -> None:
    require_writable(tmp_path / "new" / "folder")
    assert not list((tmp_path / "new" / "folder").iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        require_writable(tmp_path / "file" / "below")


def test_is_file_never_raises(tmp_path: Path) -> None:
    assert not is_file(tmp_path / ("a" * 5_000))
    assert not is_file(tmp_path / "null\0byte")
    assert not is_file(tmp_path)
