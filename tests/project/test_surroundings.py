"""The user's environment: results and charts do not depend on it, and output does not die of it.

One small run, its search, its charts, a Lab and a printed check are made in a process of their own
in each of many surroundings. The digits are those of a process without any of them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORK = r"""
import hashlib, json, sys
ENVIRONMENT
import numpy as np
from ftte_lab import charts
from ftte_lab.course import check
from ftte_lab.devices import measure_peak, training_bill
from ftte_lab.lab import Lab
from ftte_lab.models import build, full
from ftte_lab.simulation import prepare, run
from tests.tiny import TINY

def digest(value):
    return hashlib.sha256(value.encode()).hexdigest()[:16]

found = {}
tiny = TINY.as_method("ftte").replace(warm_start_steps=20)
prepared = prepare(tiny.replace(solver="exact"))
found["search"] = digest(prepared.plan.subset.to_json())
history = run(prepared, processes=1)
found["run"] = digest(history.to_json())
deep = TINY.replace(model="mcunet-s", horizon_s=8.0, budget_kib=130.0)
found["deep"] = digest(run(deep, processes=1).to_json())
figures = [
    charts.accuracy({"ftte": history}),
    charts.gantt(prepared.timeline, prepared.federation.fleet.kind),
    charts.images({"noise": np.zeros((2, 4, 4))}),
]
found["charts"] = [digest(json.dumps(figure.spec(), sort_keys=True)) for figure in figures]
found["png"] = figures[0].png()[:4].hex()
lab = Lab(tiny, methods=["ftte"], mode="batch")
found["lab"], found["code"] = digest(str(lab.table().to_dict())), lab.code
model = build("mlp", (1, 8, 8), 10)
peak, bill = measure_peak(model, full(model), 4), training_bill(model, full(model), 4).peak_bytes
found["peak"] = abs(peak / bill - 1) < 0.001
found["check"] = check("01b", lambda *_: 0.5).state
lab._ipython_display_()
with open(sys.argv[1], "w", encoding="utf-8") as file:
    json.dump(found, file)
"""
IN_PYTHON = {
    "torch": (
        "import torch; torch.set_default_dtype(torch.float64); torch.set_default_device('meta')\n"
        "torch.set_num_threads(4); import ftte_lab; torch.set_num_threads(3)\n"
        "torch.set_grad_enabled(False); torch.use_deterministic_algorithms(True)"
    ),
    "numpy and pandas": (
        "import numpy as np, pandas as pd; np.seterr(all='raise'); np.random.seed(1)\n"
        "np.set_printoptions(precision=1, threshold=2); pd.set_option('display.precision', 1)\n"
        "pd.set_option('future.infer_string', True)"
    ),
    "altair and python": (
        "import altair as alt; alt.theme.enable('dark'); alt.renderers.enable('svg')\n"
        "alt.data_transformers.enable('vegafusion'); sys.setrecursionlimit(400)"
    ),
    "no streams": "sys.stdout = sys.stderr = sys.stdin = None",
    "closed streams": "sys.stdout.close(); sys.stderr.close()",
}
"""What a cell may have set before, by name."""
VARIABLES = {
    "code page and names": {
        "PYTHONIOENCODING": "cp1252",
        "PYTHONUTF8": "0",
        "JPY_SESSION_NAME": "x.ipynb",
        "VSCODE_PID": "1",
        "JPY_PARENT_PID": "1",
        "TZ": "Pacific/Kiritimati",
    },
    "ascii and development": {
        "PYTHONIOENCODING": "ascii:strict",
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONDEVMODE": "1",
        "OMP_NUM_THREADS": "2",
        "MKL_NUM_THREADS": "2",
    },
    "odd locale, optimised": {
        "LC_ALL": "tr_TR.UTF-8",
        "LANG": "ar_SA",
        "PYTHONHASHSEED": "7",
        "PYTHONOPTIMIZE": "1",
    },
}
"""What a process may have inherited, by name."""


def digits(folder: Path, before: str = "", shell: str = "", **variables: str) -> dict[str, object]:
    """Return what the process found in these surroundings."""
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / "found.json"
    paths = [str(ROOT), variables.pop("PYTHONPATH", "")]
    environment = os.environ | {"FTTE_PROGRESS": "off", "FTTE_MODE": "batch"} | variables
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, reversed(paths)))
    arguments = [sys.executable, "-c", WORK.replace("ENVIRONMENT", before), str(out)]
    command = ["sh", "-c", f'exec "$@" {shell}', "sh", *arguments] if shell else arguments
    done = subprocess.run(  # noqa: S603
        command, env=environment, cwd=folder, capture_output=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    found: dict[str, object] = json.loads(out.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return digits(tmp_path_factory.mktemp("plain"))


def test_the_plain_surroundings_find_something(plain: dict[str, object]) -> None:
    assert plain["peak"] is True
    assert plain["png"] == "89504e47"
    assert plain["check"] == "failed"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(IN_PYTHON))
def test_settings_of_the_session_change_nothing(
    name: str, plain: dict[str, object], tmp_path: Path
) -> None:
    assert digits(tmp_path, IN_PYTHON[name]) == plain


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_variables_change_nothing(name: str, plain: dict[str, object], tmp_path: Path) -> None:
    assert digits(tmp_path, **VARIABLES[name]) == plain


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
@pytest.mark.parametrize("shell", [">&- 2>&- <&-", "> /dev/full"])
def test_closed_or_full_streams_change_nothing(
    shell: str, plain: dict[str, object], tmp_path: Path
) -> None:
    assert digits(tmp_path, shell=shell) == plain


@pytest.mark.slow
def test_folder_names_and_banners_change_nothing(plain: dict[str, object], tmp_path: Path) -> None:
    folder = tmp_path / "mäß [1] {a} 100% it's; $HOME"
    folder.mkdir()
    banner = "import sys\nprint('Welcome to the cluster.', flush=True)\n"
    (folder / "sitecustomize.py").write_text(banner, encoding="utf-8")
    home = str(folder / "data home")
    names = {"PYTHONPATH": str(folder), "FTTE_DATA_HOME": home, "TMPDIR": str(folder)}
    assert digits(folder, **names) == plain
    left = {path.name for path in folder.iterdir() if not path.name.startswith("torchinductor")}
    assert left <= {"sitecustomize.py", "found.json", "data home", "__pycache__"}
