"""Keep what a demonstration measured as JSON, for a page that shows it where nobody can run it."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftte_lab._common import brief, choice, read_json, spelled, write_atomic, write_json
from ftte_lab.deployment.records import RealRun
from ftte_lab.deployment.report import (
    accuracy_table,
    arrival_table,
    comparison,
    staleness_groups,
)
from ftte_lab.simulation import History

if TYPE_CHECKING:  # the functions import it: a node loads this file and needs none of it
    import pandas as pd

STORED = ("flower",)
"""Runs that come with the kit."""

_FORMAT = "ftte_lab real run 1"
_FOLDER = Path(__file__).with_name("stored")


@dataclass(frozen=True, eq=False)
class Demonstration:
    """Hold both modes of a scenario, run by real processes.

    Attributes:
        carrier: what moved the messages.
        versions: of what took part, by name.
        simulated: digest of the simulation.
        history: record of the simulation.
        locked: run in the order of the simulated timeline.
        free: run with real arrivals.
        ready_s: real seconds until all nodes were there.
        node_bytes: memory of each node; 0: unknown.
        overheads: what the carrier cost besides, by name.
    """

    carrier: str
    versions: Mapping[str, str]
    simulated: str
    history: History
    locked: RealRun
    free: RealRun
    ready_s: float
    node_bytes: Mapping[str, int]
    overheads: Mapping[str, int]

    @property
    def same(self) -> bool:
        """Return whether the locked run equals the simulation to the bit."""
        return self.locked.digest() == self.simulated

    def to_json(self) -> str:
        """Return everything that a page shows, with settings, versions and date."""
        scenario = self.free.predicted.scenario
        content = {
            "format": _FORMAT,
            "carrier": self.carrier,
            "date": datetime.date.today().isoformat(),
            "versions": {**self.versions, **_versions()},
            "scenario": scenario.to_json(),
            "ready_s": self.ready_s,
            "node_bytes": dict(self.node_bytes),
            **self.overheads,
            "locked": {
                "digest": self.locked.digest(),
                "digest_of_simulation": self.simulated,
                "updates": len(self.locked.jobs),
                "real_s": self.locked.real_s,
            },
            "free": {
                "seconds": self.free.scale * scenario.horizon_s,
                "updates": len(self.free.jobs),
                "real_s": self.free.real_s,
                "comparison": _rows(comparison(self.free)),
                "staleness": _rows(staleness_groups(self.free)),
                "arrivals": _rows(arrival_table(self.free)),
                "accuracy": _rows(accuracy_table(self.free, self.history)),
            },
        }
        return write_json(spelled(content), indent=1) + "\n"


def store(demonstration: Demonstration, path: Path) -> Path:
    """Write a demonstration as JSON, and return the path.

    Args:
        demonstration: what was measured.
        path: of the file; one that is there is replaced.

    Raises:
        ValueError: the file cannot be written.
    """
    try:
        write_atomic(path, demonstration.to_json().encode())
    except OSError as error:
        raise ValueError(
            f"{str(path)!r} cannot be written ({brief(error)}); allowed: a file in a folder that "
            "exists and may be written."
        ) from error
    return path


def stored_run(name: str = "flower") -> dict[str, Any]:
    """Return a measured run that comes with the kit, as plain values.

    Tables are lists of rows: `pandas.DataFrame(stored_run()["free"]["comparison"])`. A number that
    is not known is the word "nan".

    Args:
        name: of the run.

    Raises:
        ValueError: there is none of this name.
    """
    choice("name", name, STORED)
    content = (_FOLDER / f"{name}.json").read_bytes()
    return read_json(content, f"the stored run {name}", "what `show --store` writes")


def _versions() -> dict[str, str]:
    found = {name: metadata.version(name) for name in ("torch", "numpy")}
    return {"python": platform.python_version(), **found, "system": platform.system()}


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return table.to_dict("records")
