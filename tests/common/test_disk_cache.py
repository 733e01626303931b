"""What is kept on disk: bounded, never half a file, and made again where it is damaged."""

import os
from pathlib import Path

import pytest

from ftte_lab._common import DiskCache


def get(cache: DiskCache, key: str, value: bytes) -> bytes:
    return cache.get(key, lambda: value, bytes, bytes)


def test_a_value_is_made_once_for_all_processes(tmp_path: Path) -> None:
    assert get(DiskCache(tmp_path / "new", 1000, worth_s=0.0), "a", b"first") == b"first"
    assert get(DiskCache(tmp_path / "new", 1000, worth_s=0.0), "a", b"second") == b"first"
    assert get(DiskCache(tmp_path / "new", 1000, worth_s=0.0), "b", b"other") == b"other"


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "longer"])
def test_a_damaged_file_is_made_again(damage: str, tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 1000, worth_s=0.0)
    get(cache, "a", b"first")
    [path] = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(
        {
            "cut": whole[:-1],
            "changed": b"F" + whole[1:],
            "empty": b"",
            "longer": whole + b"x",
        }[damage]
    )
    assert get(cache, "a", b"second") == b"second"
    assert get(cache, "a", b"third") == b"second"


def test_the_files_used_longest_ago_go_first(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 3 * 104, worth_s=0.0, largest=1000)
    for k, name in enumerate("abc"):
        get(cache, name, name.encode() * 100)
        for path in tmp_path.iterdir():
            if path.stat().st_mtime > 1e6:
                os.utime(path, (k, k))
    assert get(cache, "a", b"never") == b"a" * 100  # used now
    get(cache, "d", b"d" * 100)
    kept = {get(DiskCache(tmp_path, 3 * 104, worth_s=9.0), name, b"gone")[:1] for name in "abcd"}
    assert kept == {b"a", b"g", b"c", b"d"}  # b is gone
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3 * 104


def test_what_is_quick_or_large_is_not_kept(tmp_path: Path) -> None:
    get(DiskCache(tmp_path, 1000, worth_s=60.0), "a", b"quick")
    get(DiskCache(tmp_path, 1000, worth_s=0.0, largest=3), "b", b"large")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_used_costs_time_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("no folder")
    cache = DiskCache(place, 1000, worth_s=0.0)
    assert get(cache, "a", b"first") == b"first"
    assert get(cache, "a", b"second") == b"second"
    assert place.read_text() == "no folder"
