"""Three tiles show what a run saved, with the authors' figures beside it."""

import pandas as pd
import pytest

from ftte_lab import prepare
from ftte_lab.course import lesson, tiles
from ftte_lab.simulation import History


def history(name: str, *accuracies: float) -> History:
    seconds = [100.0 * k for k in range(len(accuracies))]
    zero = dict.fromkeys(("energy_j", "total_bytes"), seconds)
    table = {"sim_seconds": seconds, "accuracy": accuracies, **zero}
    return History(lesson("00", "ci").run(name).to_dict(), pd.DataFrame(table), {})


def test_tiles_compare_time_memory_and_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    prepared = {name: prepare(lesson("00", "ci").run(name)) for name in ("fedavg", "ftte")}
    slow = history("fedavg", *[0.1] * 12, *[0.9] * 12)
    fast = history("ftte", *[0.1] * 3, *[0.9] * 21)
    tiles(prepared, {"fedavg": slow, "ftte": fast}, 0.8)
    time, memory, sent = capsys.readouterr().out.splitlines()
    assert "% less (" in time
    assert "authors report 81 % less" in time
    bills = [prepared[name].bill.peak_bytes for name in ("ftte", "fedavg")]
    assert f"{100 - 100 * bills[0] / bills[1]:.0f} % less" in memory
    assert memory.endswith("80 % less")
    assert sent.endswith("69 % less")
    tiles(prepared, {"fedavg": slow, "ftte": history("ftte", 0.1, 0.1)}, 0.8)
    assert "time to target: not reached (– instead of" in capsys.readouterr().out
