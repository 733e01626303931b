"""Pin whole runs: the digits that small scenarios gave when `golden.json` was written.

Each entry of `golden.json` holds the fields of one scenario and what its run gave: a hash of all
points, a hash of the columns that follow from the timeline alone, the facts, the last point, and
three figures to read. On the machine that wrote the file (same processor, torch, numpy and scipy)
every digit must come again. Elsewhere, where the last digits of a sum may differ, the timeline must
agree to nine digits and the final accuracy roughly; both only roughly where the search, near a tie,
chooses other tensors there.

Columns, facts and scenario fields that were added since are left out of the comparison.

    python -m tests.simulation.test_golden             record all runs again
    python -m tests.simulation.test_golden NAME ...    record only these

Record again only after a change that was meant to change the digits. To add a run, write its name
and `{"fields": {...}}` into `golden.json`, then record it.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch

from ftte_lab import Scenario, run
from ftte_lab.simulation import FIRST_EDITION

FILE = Path(__file__).with_name("golden.json")
GOLDEN: dict[str, Any] = json.loads(FILE.read_text())
RUNS: dict[str, dict[str, Any]] = GOLDEN["runs"]
TIMELINE = ("version", "sim_seconds", "updates", "upload_bytes", "total_bytes", "energy_j")
ROUNDING = 1e-9  # of one sum that is added up in another order
ACCURACY = 0.15  # what rounding may grow to, over a run of training on a small test set
# The same two where other tensors were chosen: other messages, another timeline.
OTHER_TIMELINE, OTHER_ACCURACY = 0.5, 0.25


def machine() -> dict[str, str]:
    """Name what the last digits depend on."""
    return {
        "cpu": _cpu(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "machine": platform.machine(),
        "torch": torch.__version__,
        "numpy": version("numpy"),
        "scipy": version("scipy"),
    }


def _cpu() -> str:
    """Read model name, family and model number; many processors share a name."""
    file = Path("/proc/cpuinfo")
    text = file.read_text() if file.exists() else ""
    keys = ("model name", "cpu family", "model")
    found = [re.search(rf"^{key}\s*: (.+)$", text, re.M) for key in keys]
    return " / ".join(m[1] for m in found if m) or platform.processor()


def scenario_of(recorded: Mapping[str, Any]) -> Scenario:
    """Return the scenario of an entry, whose fields differ from the first edition's defaults."""
    return Scenario(**{**FIRST_EDITION, **recorded["fields"]})


def measured(scenario: Scenario, columns: Iterable[str] | None = None) -> dict[str, Any]:
    """Run a scenario and take down what is pinned; the hash is of `columns` (`None`: all)."""
    history = run(scenario, processes=1)
    points = {str(name): history.points[name].tolist() for name in history.points.columns}
    facts = json.loads(json.dumps(dict(history.facts)))
    facts["subset"] = sha256(facts["subset"])  # a long text
    names = list(points) if columns is None else list(columns)
    return {
        "columns": names,
        "points": sha256(json.dumps({name: points[name] for name in names})),
        "timeline": sha256(json.dumps({name: points[name] for name in TIMELINE})),
        "last": {name: points[name][-1] for name in TIMELINE},
        "facts": facts,
        "figures": {
            "final_accuracy": round(sum(points["accuracy"][-5:]) / len(points["accuracy"][-5:]), 3),
            "mebibytes": round(points["total_bytes"][-1] / 2**20, 3),
            "mean_staleness": round(facts["mean_staleness"], 3),
        },
    }


def sha256(text: str) -> str:
    """Hash a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def agrees(recorded: Any, now: Any, relative: float = 0.0) -> bool:
    """Compare what was recorded with what is there now; keys added since do not count."""
    if isinstance(recorded, Mapping):
        return all(k in now and agrees(v, now[k], relative) for k, v in recorded.items())
    if isinstance(recorded, list):
        same = len(recorded) == len(now)
        return same and all(agrees(a, b, relative) for a, b in zip(recorded, now, strict=True))
    if isinstance(recorded, float | int) and not isinstance(recorded, bool):
        return math.isclose(recorded, now, rel_tol=relative, abs_tol=0.0)
    return bool(recorded == now)


@pytest.mark.parametrize("name", RUNS)
def test_a_scenario_keeps_its_digest(name: str) -> None:
    """Rebuild the scenario from its fields: its address is the recorded one."""
    assert scenario_of(RUNS[name]).digest() == RUNS[name]["digest"]


@pytest.mark.parametrize("name", RUNS)
def test_a_run_gives_the_recorded_digits(name: str) -> None:
    """Run the scenario: to the last digit on the machine of the record, closely elsewhere."""
    recorded = RUNS[name]
    now = measured(scenario_of(recorded), recorded["columns"])
    if machine() == GOLDEN["machine"]:
        # First what can be read: it says what has changed.
        for part in ("figures", "facts", "last"):
            assert agrees(recorded[part], now[part]), f"{part}: {now[part]}"
        assert now["timeline"] == recorded["timeline"]
        assert now["points"] == recorded["points"]
        return
    if all(agrees(recorded["facts"][part], now["facts"][part]) for part in ("subset", "tiers")):
        rounding, accuracy = ROUNDING, ACCURACY
        facts = {k: v for k, v in recorded["facts"].items() if k != "rejected_updates"}
        assert agrees(facts, now["facts"], ROUNDING), f"facts: {now['facts']}"
    else:
        rounding, accuracy = OTHER_TIMELINE, OTHER_ACCURACY
    assert agrees(recorded["last"], now["last"], rounding), f"last: {now['last']}"
    off = now["figures"]["final_accuracy"] - recorded["figures"]["final_accuracy"]
    assert abs(off) <= accuracy


def test_the_runs_reach_every_choice_of_the_simulation() -> None:
    """Look the recorded fields through: nothing that can be chosen is left without a run."""
    runs = [Scenario(**one["fields"]) for one in RUNS.values()]
    wanted: dict[str, set[Any]] = {
        "data": {"motion", "digits"},
        "method": {"fedavg", "fedbuff", "fedasync", "ftte"},
        "model": {"mlp", "cnn", "cnn-maxpool", "mcunet-s", "mcunet-m"},
        "subset_per": {"fleet", "kind"},
        "staleness": {"constant", "poly", "hinge", "exponential"},
        "variance": {"entries", "steps", "buffer"},
        "normalise": {"sum", "count"},
        "solver": {"exact", "dp", "evolution", "greedy", "last", "random"},
        "contribution": {"fisher", "gradient", "finetune"},
        "channels_by": {"gain", "magnitude"},
        "accounting": {"pytorch", "pytorch-fused", "tiny"},
        "refill": {"arrival", "step"},
        "exclude_small": {False, True},
    }
    for field, options in wanted.items():
        assert {getattr(s, field) for s in runs} >= options, field
    for field in ("alpha", "slow_class", "dropout", "max_staleness", "max_updates"):
        assert any(getattr(s, field) is not None for s in runs), field
    for field in ("over_select", "server_momentum", "server_average", "client_momentum"):
        assert any(getattr(s, field) > 0 for s in runs), field


def record(names: Iterable[str]) -> None:
    """Run scenarios anew and write the file: an entry per run, a line per part."""
    names = list(names)
    if machine() != GOLDEN.get("machine") and set(names) != set(RUNS):
        raise SystemExit("The file is of another machine: record all runs, without a name.")
    for name in names:
        fields = RUNS[name]["fields"]
        scenario = scenario_of(RUNS[name])
        RUNS[name] = {"fields": fields, "digest": scenario.digest(), **measured(scenario)}
        print(f"{name}: {RUNS[name]['figures']}")
    entries = []
    for name, one in RUNS.items():
        parts = (f"   {json.dumps(key)}: {json.dumps(value)}" for key, value in one.items())
        entries.append(f"  {json.dumps(name)}: {{\n" + ",\n".join(parts) + "\n  }")
    head = f' "machine": {json.dumps(machine())},\n "runs": {{\n'
    FILE.write_text("{\n" + head + ",\n".join(entries) + "\n }\n}\n")


if __name__ == "__main__":
    record(sys.argv[1:] or list(RUNS))
