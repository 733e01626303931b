"""How much processor time a container may use: the limits of control groups, both versions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

GROUPS = "/sys/fs/cgroup"
OWN = "/proc/self/cgroup"
_V1 = ("cpu", "cpu,cpuacct")


def cpu_quota() -> float | None:
    """Return the processors' worth of time that this process may use, or `None` without a limit.

    A limit may be set on the group of the process or on any group above it; the least counts. In a
    container, the group's own path may not be visible: then the limit of the mounted root counts.
    """
    limits = [limit for folder in _groups() if (limit := _limit(folder)) is not None]
    return min(limits, default=None)


def _groups() -> Iterator[PurePosixPath]:
    """Yield the folders of the groups that this process is in, in both versions."""
    for name, path in _own_paths():
        base = PurePosixPath(GROUPS, name)
        own = base / path.lstrip("/")
        while own != base:
            yield own
            own = own.parent
        yield base


def _own_paths() -> list[tuple[str, str]]:
    """Return pairs of a controller's folder below `GROUPS` and the path of the group in it."""
    paths = [("", "/"), *((name, "/") for name in _V1)]
    for line in _read(OWN).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if ".." in path:
            continue
        if number == "0" and not controllers:
            paths.append(("", path))
        elif "cpu" in controllers.split(","):
            paths += [(name, path) for name in _V1]
    return paths


def _limit(folder: PurePosixPath) -> float | None:
    """Return the limit of one group in processors; version 2 has one file, version 1 two."""
    quota, _, period = _read(f"{folder}/cpu.max").strip().partition(" ")
    if not quota:
        quota = _read(f"{folder}/cpu.cfs_quota_us").strip()
        period = _read(f"{folder}/cpu.cfs_period_us").strip()
    try:
        share = int(quota) / int(period or 100_000)
    except (ValueError, ZeroDivisionError):
        return None  # "max", or no such file
    return share if share > 0 else None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
