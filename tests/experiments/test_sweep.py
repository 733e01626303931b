"""Sweep: every run once, kept as it comes, whatever kills it."""

import importlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ftte_lab.experiments import Sweep, sweep
from ftte_lab.simulation import Scenario, run
from tests.tiny import TINY

module: Any = importlib.import_module("ftte_lab.experiments.sweep")
FEW = [TINY.replace(seed=seed, buffer=buffer) for seed in (0, 1) for buffer in (2, 3)]
BAD = TINY.replace(budget_kib=1.0)  # no subset fits: it fails while it is prepared


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "executor", [None, ThreadPoolExecutor, ProcessPoolExecutor], ids=["own", "threads", "processes"]
)
def test_sweep_gives_the_numbers_of_a_plain_run(executor: Any, tmp_path: Path) -> None:
    if executor is None:
        done = sweep(FEW, tmp_path, processes=2, progress=False)
    else:
        with executor(2) as pool:
            done = sweep(FEW, tmp_path, executor=pool, progress=False)
    assert [s for s, _ in done] == FEW
    assert not done.failures
    assert not done.missing
    for scenario, history in done:
        assert history.points.to_dict() == run(scenario).points.to_dict()
    assert names(tmp_path) == sorted(f"{s.digest()}.json" for s in FEW)


def test_sweep_runs_on_a_cluster(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    )
    with cluster, distributed.Client(cluster) as client:
        done = sweep(
            [*FEW, BAD], tmp_path, executor=client.get_executor(), processes=1, progress=False
        )
    assert len(list(done)) == len(FEW)
    assert [f.scenario for f in done.failures] == [BAD]
    assert dict(done)[FEW[0]].points.to_dict() == run(FEW[0]).points.to_dict()


def test_sweep_does_not_repeat_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Scenario] = []

    def noted(text: str) -> str:
        ran.append(Scenario.from_json(text))
        return str(work(text))

    work = module._task
    monkeypatch.setattr(module, "_task", noted)
    with ThreadPoolExecutor(1) as pool:
        sweep(FEW[:2], tmp_path, executor=pool, progress=False)
        assert ran == FEW[:2]
        done = sweep([*FEW, *FEW], tmp_path, executor=pool, progress=False)
    assert ran == FEW
    assert done.scenarios == tuple(FEW)
    elsewhere = sweep(
        FEW, tmp_path, progress=False
    )  # another call, another moment: nothing is left to do
    assert len(list(elsewhere)) == 4
    assert ran == FEW


def test_sweep_keeps_failures_and_retries_on_request(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        done = sweep([BAD, FEW[0]], tmp_path, executor=pool, progress=False)
        assert [s for s, _ in done] == [FEW[0]]
        [failure] = done.failures
        assert failure.scenario == BAD
        assert failure.error.startswith("BudgetError: no subset fits")
        assert "Traceback" in failure.traceback
        assert "prepare" in failure.traceback
        kept = (tmp_path / f"{BAD.digest()}.failed").stat().st_mtime_ns
        sweep([BAD], tmp_path, executor=pool, progress=False)
        assert (tmp_path / f"{BAD.digest()}.failed").stat().st_mtime_ns == kept
        sweep([BAD], tmp_path, executor=pool, retry=True, progress=False)
        assert (tmp_path / f"{BAD.digest()}.failed").stat().st_mtime_ns > kept
    with pytest.raises(ValueError, match="cannot be read"):
        done.history(BAD)


def test_killed_sweep_continues(tmp_path: Path) -> None:
    many = [TINY.replace(seed=seed) for seed in range(12)]
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        from ftte_lab.experiments import sweep
        from tests.tiny import TINY
        if __name__ == "__main__":
            many = [TINY.replace(seed=s) for s in range(12)]
            sweep(many, {str(tmp_path / "kept")!r}, processes=2, progress=False)
    """)
    )
    root = str(Path(__file__).parents[2])
    started = subprocess.Popen([sys.executable, script], env={**os.environ, "PYTHONPATH": root})  # noqa: S603
    end = time.monotonic() + 60
    while not (tmp_path / "kept").exists() or len(list((tmp_path / "kept").glob("*.json"))) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)
    os.kill(started.pid, signal.SIGKILL)
    started.wait()
    after = {path.name: path.read_bytes() for path in (tmp_path / "kept").glob("*.json")}
    assert 2 <= len(after) < 12
    for content in after.values():
        assert json.loads(content)["format"] == "ftte_lab history 1"  # whole, each of them
    with ThreadPoolExecutor(1) as pool:  # no other processes, which would have to start first
        rest = sweep(many, tmp_path / "kept", executor=pool, progress=False)
    assert len(list(rest)) == 12
    assert all(
        (tmp_path / "kept" / name).read_bytes() == content for name, content in after.items()
    )


def die_on_seed_3(text: str) -> str:
    """In a worker: what running out of memory looks like from outside."""
    if Scenario.from_json(text).seed == 3:
        os._exit(1)
    return module.attempt(text)


def test_sweep_reports_a_scenario_that_kills_its_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [TINY.replace(seed=seed) for seed in range(6)]
    forking = multiprocessing.get_context("fork")  # starts at once: nothing has to be imported
    monkeypatch.setattr(multiprocessing, "get_context", lambda method=None: forking)
    monkeypatch.setattr(module, "_task", die_on_seed_3)
    done = sweep(many, tmp_path, processes=2, progress=False)
    assert [s.seed for s, _ in done] == [0, 1, 2, 4, 5]
    [failure] = done.failures
    assert failure.scenario.seed == 3
    assert "died" in failure.error


def test_table_names_what_differs(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        done = sweep(FEW, tmp_path, executor=pool, progress=False)
    table = done.table(final=lambda h: h.final(), steps=lambda h: h.facts["server_steps"])
    assert list(table.columns) == ["buffer", "seed", "final", "steps"]
    assert table["seed"].tolist() == [0, 0, 1, 1]
    assert Sweep(tmp_path, tuple(FEW)).table().shape == (4, 2)


def test_sweep_explains_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no scenario to run"):
        sweep([], tmp_path)
    with pytest.raises(ValueError, match="processes = 0"):
        sweep(FEW, tmp_path, processes=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"below' cannot be written .* Choose|choose another"):
        sweep(FEW, tmp_path / "file" / "below", progress=False)


def test_sweep_explains_an_unguarded_script(tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        "from ftte_lab import Scenario\nfrom ftte_lab.experiments import sweep\n"
        "few = [Scenario(clients=4, concurrency=2, horizon_s=5.0)]\n"
        f"sweep(few, {str(tmp_path / 'runs')!r}, processes=2)\n"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "worker processes cannot start" in done.stderr.splitlines()[-1]
    assert not list((tmp_path / "runs").glob("*"))
