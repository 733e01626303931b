"""Every place that reads or writes a file, downloads, or counts cores: listed, with its test.

A new place fails here until it is listed with the test that shows what holds for it: modes follow
the umask, two writers do not hurt each other, a full or missing disk is a sentence, and a file that
is cut off, foreign or hostile is recognised.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("ftte_lab", "benchmarks", "docs", "notebooks/_build")
# Calls by the last part of their name; what may be something else counts with its module only.
_CALLS = (
    "open fdopen read_text read_bytes write_text write_bytes loads loadtxt genfromtxt read_csv "
    "read_json read_pickle decompress savez savez_compressed savetxt to_csv to_json_file dumps "
    "glob rglob iterdir scandir listdir mkdir makedirs rmtree unlink touch NamedTemporaryFile "
    "TemporaryDirectory TemporaryFile mkdtemp mkstemp write_atomic cached_text copyfile copytree "
    "truncate tofile fromfile memmap cpu_count process_cpu_count sched_getaffinity retrieve "
    "urlopen urlretrieve require_writable changing symlink_to hardlink_to chmod"
)
_WITH_MODULE = (
    "np.load np.save np.fromfile torch.load torch.save json.load json.dump pickle.load "
    "pickle.loads pickle.dump pickle.dumps joblib.load os.replace os.rename os.remove shutil.move "
    "requests.get requests.post marshal.loads shelve.open History.load figure.save picture.save"
)
_FORBIDDEN = (
    "torch.load torch.save pickle.load pickle.loads pickle.dump pickle.dumps joblib.load "
    "marshal.loads shelve.open read_pickle np.save mkstemp mkdtemp write_text write_bytes savetxt "
    "json.dump"
)
CALLS, WITH_MODULE = set(_CALLS.split()), set(_WITH_MODULE.split())
FORBIDDEN = set(_FORBIDDEN.split())

MALFORMED = "tests/malformed/test_malformed.py"
KILLS = "tests/kills/test_kills.py"
COMMITTED = "reads or writes files of the checkout, by a maintainer's command"
NO_FILE = "no file: a text of this process, a page of a browser, or a standard stream"


def calls_of(path: Path) -> Iterator[str]:
    """Yield the calls of a module that read, write, download or count cores."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        last = name.rpartition(".")[2]
        if name in WITH_MODULE:
            yield name
        elif last in CALLS:
            yield last


def listed(calls: Iterable[str]) -> str:
    return ", ".join(sorted(set(calls)))


PLACES: Mapping[str, tuple[str, str]] = {
    "ftte_lab/_common/disk_cache.py": (
        "mkdir, read_bytes, scandir, unlink, write_atomic",
        "tests/common/test_disk_cache.py",
    ),
    "ftte_lab/_common/files.py": (
        "mkdir, open, os.replace, read_bytes, scandir, unlink, write_atomic",
        "tests/common/test_files.py",
    ),
    "ftte_lab/_common/lock.py": ("open", "tests/common/test_lock.py"),
    "ftte_lab/_common/process.py": (
        "cpu_count, open, sched_getaffinity",
        "tests/common/test_process.py",
    ),
    "ftte_lab/_common/quota.py": ("read_text", "tests/common/test_process.py"),
    "ftte_lab/_common/strict_json.py": ("dumps, loads", "tests/common/test_strict_json.py"),
    "ftte_lab/cli/class_commands.py": ("write_atomic", "tests/course/test_judging.py"),
    "ftte_lab/cli/course_copy.py": (
        "mkdir, read_bytes, read_json, write_atomic",
        "tests/cli/test_course_copy.py",
    ),
    "ftte_lab/cli/course_list.py": ("glob", "tests/cli/test_course_copy.py"),
    "ftte_lab/cli/quiz_command.py": ("mkdir, write_atomic", "tests/cli/test_quiz.py"),
    "ftte_lab/cli/quiz_file.py": ("read_bytes, read_json", "tests/cli/test_quiz.py"),
    "ftte_lab/cli/values.py": ("loads", NO_FILE),
    "ftte_lab/charts/fleet.py": ("dumps", NO_FILE),
    "ftte_lab/charts/figure.py": ("open, write_atomic", "tests/charts/test_figure.py"),
    "ftte_lab/charts/slide.py": ("open, write_atomic", "tests/charts/test_figure.py"),
    "ftte_lab/course/collect.py": ("mkdir, write_atomic", "tests/course/test_collect.py"),
    "ftte_lab/course/doctor.py": ("NamedTemporaryFile", "tests/course/test_doctor.py"),
    "ftte_lab/course/gather.py": ("open", "tests/course/test_collect.py"),
    "ftte_lab/course/progress.py": (
        "changing, mkdir, read_bytes, read_json, write_atomic",
        "tests/course/test_progress.py",
    ),
    "ftte_lab/course/report.py": ("read_json", MALFORMED),
    "ftte_lab/course/sandbox.py": ("open", "tests/course/test_sandbox.py"),
    "ftte_lab/data/download.py": (
        "mkdir, open, os.replace, requests.get, truncate, unlink",
        "tests/data/test_shared_home.py",
    ),
    "ftte_lab/data/images.py": ("decompress, loadtxt, open, read_bytes, unlink", MALFORMED),
    "ftte_lab/data/own_data.py": ("read_bytes", "tests/data/test_own_data.py"),
    "ftte_lab/data/own_table.py": ("np.load", "tests/data/test_own_data.py"),
    "ftte_lab/data/store.py": (
        "mkdir, np.load, open, savez_compressed, write_atomic",
        "tests/data/test_shared_home.py",
    ),
    "ftte_lab/data/wrist.py": ("glob, loadtxt", MALFORMED),
    "ftte_lab/deployment/flower/app/ftte_flower/server_app.py": ("dumps, loads", NO_FILE),
    "ftte_lab/deployment/flower/grid.py": ("dumps, loads", NO_FILE),
    "ftte_lab/deployment/flower/letters.py": ("dumps, loads", NO_FILE),
    "ftte_lab/deployment/flower/processes.py": (
        "dumps, glob, mkdir, open, read_text, unlink",
        "tests/deployment/test_flower.py",
    ),
    "ftte_lab/deployment/flower/room.py": (
        "TemporaryDirectory, copytree, mkdir, write_atomic",
        "tests/deployment/test_flower.py",
    ),
    "ftte_lab/deployment/flower/trainer.py": ("loads", NO_FILE),
    "ftte_lab/deployment/node_key.py": (
        "fdopen, mkdir, open, read_bytes",
        "tests/deployment/test_processes.py",
    ),
    "ftte_lab/deployment/node_memory.py": ("read_text", NO_FILE),
    "ftte_lab/deployment/node_processes.py": ("read_text", NO_FILE),
    "ftte_lab/deployment/picture.py": ("write_atomic", "tests/deployment/test_show.py"),
    "ftte_lab/deployment/stored_run.py": (
        "read_bytes, read_json, write_atomic",
        "tests/deployment/test_show.py",
    ),
    "ftte_lab/deployment/wall.py": ("dumps", NO_FILE),
    "ftte_lab/deployment/wire.py": ("dumps, loads", NO_FILE),
    "ftte_lab/experiments/crew.py": ("read_json", "tests/experiments/test_find.py"),
    "ftte_lab/experiments/kept_runs.py": (
        "scandir, unlink",
        "tests/experiments/test_find.py",
    ),
    "ftte_lab/experiments/sweep.py": ("History.load, loads, require_writable, unlink", KILLS),
    "ftte_lab/experiments/sweep_files.py": (
        "History.load, mkdir, read_bytes, read_json, write_atomic",
        "tests/experiments/test_sweep_files.py",
    ),
    "ftte_lab/lab/tools/compare.py": ("to_csv", NO_FILE),
    "ftte_lab/lab/tools/export.py": ("to_csv", NO_FILE),
    "ftte_lab/lab/live/vega.py": ("cached_text, iterdir, read_text", "tests/common/test_files.py"),
    "ftte_lab/lab/tools/model_file.py": ("read_bytes, read_json", "tests/lab/test_model_file.py"),
    "ftte_lab/lab/settings.py": ("read_json", MALFORMED),
    "ftte_lab/lab/share_code.py": ("decompress, read_json", MALFORMED),
    "ftte_lab/lab/tools/story.py": ("iterdir, read_bytes, read_json", "tests/lab/test_story.py"),
    "ftte_lab/models/model.py": ("read_json", MALFORMED),
    "ftte_lab/models/subset.py": ("read_json", MALFORMED),
    "ftte_lab/server/search/exact.py": ("open", NO_FILE),
    "ftte_lab/simulation/history.py": ("read_bytes, write_atomic", MALFORMED),
    "ftte_lab/simulation/history_text.py": ("read_json", MALFORMED),
    "ftte_lab/simulation/scenario.py": ("dumps, read_json", MALFORMED),
    "ftte_lab/simulation/kept.py": (
        "dumps, loads, read_bytes, rglob",
        "tests/simulation/test_kept.py",
    ),
    "ftte_lab/simulation/workers/event_bytes.py": ("dumps, loads", NO_FILE),
    "ftte_lab/simulation/workers/run_messages.py": ("dumps, loads", NO_FILE),
    "ftte_lab/simulation/workers/run_process.py": ("dumps", NO_FILE),
    "ftte_lab/simulation/workers/pool.py": (
        "TemporaryFile, dumps",
        "tests/simulation/test_workers.py",
    ),
    "ftte_lab/simulation/workers/process.py": ("loads", "tests/simulation/test_workers.py"),
    "benchmarks/__main__.py": ("dumps", COMMITTED),
    "benchmarks/crowd.py": ("loads", NO_FILE),
    "benchmarks/growth.py": ("loads, write_bytes", COMMITTED),
    "benchmarks/lab_speed.py": ("TemporaryDirectory", NO_FILE),
    "benchmarks/live.py": ("TemporaryDirectory, open", NO_FILE),
    "benchmarks/peers.py": ("TemporaryDirectory, loads, write_text", COMMITTED),
    "benchmarks/study/jobs.py": (
        "dumps, loads, mkdir, read_bytes, read_json, require_writable, write_atomic",
        KILLS,
    ),
    "benchmarks/study/pages.py": ("read_text, write_atomic", COMMITTED),
    "benchmarks/study/pictures.py": ("figure.save", COMMITTED),
    "benchmarks/study/rates.py": (
        "changing, read_bytes, read_json, write_atomic",
        "tests/project/test_study_files.py",
    ),
    "benchmarks/study/results.py": ("read_bytes, read_csv, to_csv, write_atomic", MALFORMED),
    "benchmarks/study/study.py": ("changing", "tests/project/test_study_files.py"),
    "benchmarks/timing.py": ("read_text", COMMITTED),
    "docs/deck/__main__.py": (
        "dumps, glob, loads, mkdir, read_bytes, read_text, write_atomic",
        COMMITTED,
    ),
    "docs/deck/powerpoint.py": ("open", NO_FILE),
    "docs/deck/source.py": ("glob", COMMITTED),
    "docs/one_fleet.py": ("figure.save, read_text, write_text", COMMITTED),
    "docs/pictures.py": ("TemporaryDirectory, open, picture.save", COMMITTED),
    "docs/settings_page.py": ("write_text", COMMITTED),
    "notebooks/_build/bundle.py": ("glob, read_bytes", COMMITTED),
    "docs/build_site.py": (
        "copyfile, dumps, glob, loads, mkdir, read_text, rmtree, write_text",
        COMMITTED,
    ),
    "notebooks/_build/course.py": ("glob, mkdir, read_text", COMMITTED),
    "notebooks/_build/refresh.py": (
        "TemporaryDirectory, mkdir, os.replace, write_bytes",
        COMMITTED,
    ),
}
"""By module: its calls, and the test that shows what holds for them, or why none is needed."""


def places() -> dict[str, str]:
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if calls := listed(calls_of(path)):
                found[path.relative_to(ROOT).as_posix()] = calls
    return found


def test_every_place_is_listed_with_its_test() -> None:
    found = places()
    assert found == {module: calls for module, (calls, _) in PLACES.items()}


@pytest.mark.parametrize("module", PLACES)
def test_the_test_of_a_place_exists(module: str) -> None:
    _, shown = PLACES[module]
    if shown not in (COMMITTED, NO_FILE):
        tests = (ROOT / shown).read_text(encoding="utf-8")
        assert "def test_" in tests


def test_nothing_is_pickled_and_nothing_in_the_kit_is_written_but_atomically() -> None:
    kit = ROOT / "ftte_lab"
    for path in kit.rglob("*.py"):
        calls = set(calls_of(path))
        assert not calls & FORBIDDEN, path
        text = path.read_text(encoding="utf-8")
        assert "import pickle" not in text, path
        assert "allow_pickle=True" not in text, path


def test_one_function_counts_cores() -> None:
    counting = {
        module
        for module, calls in places().items()
        if {"cpu_count", "process_cpu_count", "sched_getaffinity"} & set(calls.split(", "))
    }
    assert counting == {"ftte_lab/_common/process.py"}


def test_numpy_files_are_read_without_pickle() -> None:
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "np.load":
                    options = {k.arg: ast.unparse(k.value) for k in node.keywords}
                    assert options.get("allow_pickle") == "False", path
