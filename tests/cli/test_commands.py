"""The command: what each one prints, and one sentence for whatever is wrong."""

import importlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from ftte_lab.cli import COMMANDS, main
from ftte_lab.cli import jupyter as jupyter_module
from ftte_lab.cli.jupyter import QUIET, jupyter_command, open_jupyter, quiet_environment
from ftte_lab.cli.values import setting_of
from ftte_lab.experiments import PRESETS, Comparison
from ftte_lab.lab import Settings
from ftte_lab.simulation import History, run
from tests.tiny import TINY

ROOT = Path(__file__).parents[2]
COMPARED = Comparison(TINY, about="a preset of seconds")
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    values: Any = importlib.import_module("ftte_lab.cli.values")
    monkeypatch.setattr(values, "preset", lambda name: COMPARED)


def test_help_lists_each_command_once(capsys: Capture) -> None:
    assert main([]) == 0
    text = capsys.readouterr().out
    for command in COMMANDS:
        begins = f"  {command.name} "
        assert len([line for line in text.splitlines() if line.startswith(begins)]) == 1
    assert {c.name for c in COMMANDS} >= {"start", "run", "headline", "data", "doctor", "share"}


@pytest.mark.parametrize("name", [str(command.name) for command in COMMANDS])
def test_help_of_each_command_is_plain_ascii(name: str, capsys: Capture) -> None:
    """A code page of Windows shows it as it is."""
    assert main([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: ftte-lab {name}")
    own = text.partition("Presets:")[0]
    assert own.isascii()


def test_module_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ftte_lab", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("ftte-lab, version ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["strat"], "strat"),
        (["run", "--sed", "3"], "--sed"),
        (["run", "--seed", "x"], "'x' is not a valid integer"),
        (["run", "defualt"], "Did you mean 'default'"),
        (["run", "--set", "buffer"], "name=value, such as buffer=3"),
        (["run", "--set", "bufer=3"], "bufer"),
        (["run", "--set", "buffer=0"], "buffer"),
        (["run", "--set", "buffer=NaN"], "buffer"),
        (["run", "--set", "mix=" + "[" * 100_000], "mix"),
        (["run", "--method", "ftt"], "Did you mean 'ftte'"),
        (["run", "--target", "90"], "An accuracy is a share"),
        (["run", "ftte2-broken"], "code"),
        (["share", "ftte9"], "code"),
        (["headline", "--seed", "-1"], "seed = -1"),
        (["data", "cifar"], "Did you mean 'cifar10'"),
        (["data", "wrist"], "needs folder="),
        (["start", "--port", "0"], "--port"),
        (["start", "--", "--port"], "a folder's name before the two dashes"),
    ],
)
def test_whatever_is_wrong_is_one_sentence(
    arguments: list[str], says: str, capsys: Capture
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ftte-lab: ")
    assert len(captured.err.splitlines()) == 1
    assert says in captured.err


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (KeyboardInterrupt(), 130, "stopped"),
        (ModuleNotFoundError("no", name="altair.vegalite"), 2, 'pip install "ftte_lab[lab]"'),
        (PermissionError(13, "Permission denied", "x.json"), 2, "x.json: Permission denied"),
        (ValueError("too much; allowed: less."), 2, "too much"),
    ],
)
def test_errors_of_a_command_are_answered(
    error: BaseException, status: int, says: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr("ftte_lab.cli.group.COMMANDS", [fail])
    assert main(["fail"]) == status
    err = capsys.readouterr().err
    assert says in err
    assert "Traceback" not in err


def test_missing_module_of_the_kit_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def fail() -> None:
        raise ModuleNotFoundError("no", name="ftte_lab.nothing")

    monkeypatch.setattr("ftte_lab.cli.group.COMMANDS", [fail])
    with pytest.raises(ModuleNotFoundError):
        main(["fail"])


def test_run_prints_what_came_of_it_and_keeps_the_record(
    tiny: None, capsys: Capture, tmp_path: Path
) -> None:
    expected = run(COMPARED.set(buffer=2).run("ftte", 3))
    arguments = ["run", "--set", "buffer=2", "--seed", "3", "--save", str(tmp_path / "r.json")]
    assert main(arguments) == 0
    assert "peak memory on the weakest device" in capsys.readouterr().out
    assert History.load(tmp_path / "r.json").to_json() == expected.to_json()
    assert main([*arguments[:-2], "--json"]) == 0
    assert capsys.readouterr().out == expected.to_json() + "\n"


def test_share_prints_a_code_that_holds_the_settings(capsys: Capture) -> None:
    assert main(["share", "lab", "--set", "buffer=7", "--set", "data=digits"]) == 0
    code, *lines = capsys.readouterr().out.splitlines()
    held = Settings.restore(code)
    chosen = PRESETS["lab"].set(buffer=7, data="digits")
    assert held.runs() == chosen.runs()
    assert "buffer: 7" in lines
    assert main(["share", code]) == 0
    assert capsys.readouterr().out.splitlines() == [code, *lines]


def test_values_are_json_or_a_word() -> None:
    assert setting_of("buffer=3") == ("buffer", 3)
    assert setting_of("alpha=null") == ("alpha", None)
    assert setting_of('mix={"phone": 1}') == ("mix", {"phone": 1})
    assert setting_of("data=digits") == ("data", "digits")
    assert setting_of("note=a=b") == ("note", "a=b")


def test_data_lists_all_sets_and_their_home(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FTTE_DATA_HOME", str(tmp_path))
    (tmp_path / "cifar10.npz").write_bytes(b"")
    assert main(["data"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == [
        "motion", "digits", "cifar10", "fashion_mnist", "wrist",
    ]  # fmt: skip
    assert " here " in lines[2]
    assert "not here" in lines[3]
    assert lines[-1] == f"data home: {tmp_path}"


def test_doctor_says_whether_all_is_well(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["doctor"]) == 0
    module: Any = importlib.import_module("ftte_lab.course.doctor")
    monkeypatch.setattr(module, "_NEEDED", ("no-such-package",))
    assert main(["doctor"]) == 1


def test_start_copies_and_opens_the_first_page(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened: list[list[str]] = []
    module: Any = importlib.import_module("ftte_lab.cli.start_command")

    def opens(command: list[str]) -> int:
        opened.append(command)
        return 0

    monkeypatch.setattr(module, "open_jupyter", opens)
    folder = tmp_path / "Übung eins"
    assert main(["start", str(folder), "--no-browser", "--port", "9001", "--", "--debug"]) == 0
    [command] = opened
    assert f"--ServerApp.root_dir={folder}" in command
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in command
    assert command[-3:] == ["--no-browser", "--ServerApp.port=9001", "--debug"]
    assert capsys.readouterr().out.startswith(f"The course is in {folder}")
    assert main(["start", str(folder), "--no-open"]) == 0
    assert capsys.readouterr().out == f"The course is in {folder}.\n"
    assert len(opened) == 1


def test_only_root_needs_a_flag(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0, raising=False)
    assert "--allow-root" in jupyter_command(tmp_path)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "--allow-root" not in jupyter_command(tmp_path)
    monkeypatch.delattr("os.geteuid")  # as on Windows
    assert "--allow-root" not in jupyter_command(tmp_path)


def test_jupyterlab_asks_about_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser tests start with the same settings: a question would lie over their page."""
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/institution")
    paths = quiet_environment()["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert paths == [str(QUIET), "/institution"]
    monkeypatch.setattr("jupyter_core.paths.jupyter_config_path", lambda: paths)
    config = pytest.importorskip("jupyterlab_server.config").get_page_config([])
    assert "@jupyterlab/apputils-extension:announcements" in config["disabledExtensions"]


def test_missing_jupyterlab_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture
) -> None:
    monkeypatch.setattr(jupyter_module, "find_spec", lambda _: None)
    assert main(["start", str(tmp_path / "x")]) == 2
    assert 'pip install "ftte_lab[lab]"' in capsys.readouterr().err
    assert (tmp_path / "x" / "notebooks").is_dir()


def test_windows_waits_for_its_child_through_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """There the new program is a child that gets Ctrl-C by itself."""
    answers: list[BaseException | int] = [KeyboardInterrupt(), 5]

    class Child:
        def __init__(self, command: list[str], env: dict[str, str]) -> None:
            assert command == ["python", "x"]
            assert env["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0].endswith("quiet")

        def __enter__(self) -> "Child":
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def wait(self) -> int:
            answer = answers.pop(0)
            if isinstance(answer, BaseException):
                raise answer
            return answer

    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr("subprocess.Popen", Child)
    assert open_jupyter(["python", "x"]) == 5


def test_output_survives_a_narrow_code_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="cp437")
    monkeypatch.setattr("sys.stdout", narrow)
    assert main(["start", str(tmp_path / "学生 ü"), "--no-open"]) == 0
    narrow.seek(0)
    assert "The course is in" in narrow.read()


def test_record_is_json_for_other_programs(tiny: None, capsys: Capture) -> None:
    assert main(["run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scenario"]["buffer"] == TINY.buffer
