"""Process settings."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from ftte_lab._common import MOST_HELPERS, configure_process, cores, quota, release_memory


def test_configure_process_sets_one_thread() -> None:
    configure_process()
    assert torch.get_num_threads() == 1


HELD = """
import threading
from pathlib import Path
from ftte_lab._common import configure_process, release_memory

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

def use():
    blocks = [bytes(1000) for _ in range(100_000)]
    blocks.clear()
    kept.append(held())
    release_memory()
    kept.append(held())

configure_process()
kept = []
thread = threading.Thread(target=use)
thread.start()
thread.join()
print(kept[0] - kept[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_given_back() -> None:
    run = [sys.executable, "-c", HELD]
    found = subprocess.run(run, capture_output=True, text=True, check=True)  # noqa: S603  # ours
    assert int(found.stdout) > 50  # MiB of the hundred that the thread had


WORKER = "import os; from ftte_lab._common import stand_back; stand_back(); print(os.nice(0))"
KERNEL = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {WORKER!r}], check=True)
"""


@pytest.mark.skipif(not hasattr(os, "getsid"), reason="no sessions of processes")
@pytest.mark.parametrize(("leads", "behind"), [(True, 5), (False, 0)])
def test_a_worker_stands_back_in_its_kernels_session_alone(leads: bool, behind: int) -> None:
    run = [sys.executable, "-c", KERNEL]
    found = subprocess.run(  # noqa: S603  # ours
        run, capture_output=True, text=True, check=True, start_new_session=leads
    )
    assert int(found.stdout) == min(19, os.nice(0) + behind)


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_memory_stays_where_there_is_no_glibc(
    platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr("ctypes.CDLL", pytest.fail)
    release_memory()


def test_cores_counts_what_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
    monkeypatch.setattr("sys.platform", "win32")
    assert cores() == 1


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)


QUOTAS: Mapping[str, tuple[str, Mapping[str, Mapping[str, str]], int]] = {
    "none": ("", {}, 64),
    "v2 root of a container": ("0::/\n", {"": {"cpu__max": "100000 100000\n"}}, 1),
    "v2 no limit": ("0::/\n", {"": {"cpu__max": "max 100000\n"}}, 64),
    "v2 own group": ("0::/user/pod\n", {"user/pod": {"cpu__max": "250000 100000\n"}}, 3),
    "v2 group above": (
        "0::/user/pod\n",
        {"user": {"cpu__max": "200000 100000\n"}, "user/pod": {"cpu__max": "max 100000\n"}},
        2,
    ),
    "v2 least counts": (
        "0::/a/b\n",
        {"a": {"cpu__max": "300000 100000"}, "a/b": {"cpu__max": "600000 100000"}},
        3,
    ),
    "v2 less than one": ("0::/\n", {"": {"cpu__max": "20000 100000\n"}}, 1),
    "v2 damaged": ("0::/\n", {"": {"cpu__max": "lots\n"}}, 64),
    "v1": (
        "4:cpu,cpuacct:/docker/x\n0::/\n",
        {"cpu": {"cpu__cfs_quota_us": "400000\n", "cpu__cfs_period_us": "100000\n"}},
        4,
    ),
    "v1 own group": (
        "4:cpu,cpuacct:/docker/x\n",
        {
            "cpu,cpuacct/docker/x": {
                "cpu__cfs_quota_us": "150000\n",
                "cpu__cfs_period_us": "50000\n",
            }
        },
        3,
    ),
    "v1 no limit": (
        "4:cpu:/\n",
        {"cpu": {"cpu__cfs_quota_us": "-1\n", "cpu__cfs_period_us": "100000\n"}},
        64,
    ),
    "v1 no period": ("4:cpu:/\n", {"cpu": {"cpu__cfs_quota_us": "100000\n"}}, 1),
    "v1 period of zero": (
        "4:cpu:/\n",
        {"cpu": {"cpu__cfs_quota_us": "1\n", "cpu__cfs_period_us": "0\n"}},
        64,
    ),
    "group out of sight": ("0::/../../other\n", {"": {"cpu__max": "100000 100000"}}, 1),
}


@pytest.mark.parametrize(("own", "groups", "expected"), QUOTAS.values(), ids=QUOTAS)
def test_cores_knows_the_quota_of_a_container(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own: str,
    groups: Mapping[str, Mapping[str, str]],
    expected: int,
) -> None:
    for folder, files in groups.items():
        group(tmp_path / "fs" / folder, **files)
    group(tmp_path, own=own)
    monkeypatch.setattr(quota, "GROUPS", str(tmp_path / "fs"))
    monkeypatch.setattr(quota, "OWN", str(tmp_path / "own"))
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert cores() == expected
    assert cores(MOST_HELPERS) == min(expected, 8)


def test_cores_knows_to_which_ones_the_process_is_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 128)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5}, raising=False)
    assert cores() == 1
