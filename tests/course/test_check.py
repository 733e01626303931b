"""Feedback: it is right, it is in words, it grows, and nothing a student writes can stop a notebook."""

import ast
import importlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch

from ftte_lab.course import LIMITS
from ftte_lab.course import progress as record
from ftte_lab.course import sandbox as guard
from ftte_lab.course.check import check
from ftte_lab.course.doctor import doctor
from ftte_lab.course.exercise import Agrees, Holds
from ftte_lab.course.exercises import EXERCISES
from ftte_lab.course.predict import _entry, _keep, pick, predict, reveal
from ftte_lab.course.report import Report, report
from ftte_lab.course.show_code import show_code
from ftte_lab.course.values import difference, same, show
from notebooks._build import course

TRAINS = {"10a"}  # judged by training: half a minute, solved in tests/test_notebooks.py
QUICK = sorted(set(EXERCISES) - TRAINS)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(record.VARIABLE, "off")
    record.forget()
    yield
    record.forget()


def function_of(source: str) -> Callable[..., Any]:
    """Run a cell as a notebook would, and take the function it defines."""
    import math

    names: dict[str, Any] = {"np": np, "math": math, "LIMITS": LIMITS}
    code = compile(source, "cell", "exec")
    exec(code, names)  # noqa: S102  # the project's own exercise
    return next(v for k, v in names.items() if callable(v) and k not in ("np", "math"))


@pytest.mark.parametrize("name", sorted(EXERCISES))
def test_every_exercise_has_one_source_and_it_is_blank_for_students(name: str) -> None:
    solution = (course.SOLUTIONS / f"{name}.py").read_text()
    stub = course.blank(solution)
    assert stub.endswith("    # YOUR CODE HERE\n    raise NotImplementedError()")
    assert "SOLUTION" not in stub + course.answered(solution)
    verdict = check(name, function_of(stub))
    assert verdict.state == "not yet"
    assert f"{name} {EXERCISES[name].title}: not yet" in verdict.text
    assert len(EXERCISES[name].hints) >= 2


@pytest.mark.parametrize("name", QUICK)
def test_every_solution_passes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTTE_CHECK", "strict")
    verdict = check(
        name, function_of(course.answered((course.SOLUTIONS / f"{name}.py").read_text()))
    )
    assert verdict
    assert verdict.text.startswith(f"✔ {name}")


@pytest.mark.parametrize("name", QUICK)
def test_every_common_mistake_is_recognised(name: str) -> None:
    for says, wrong in EXERCISES[name].mistakes.items():
        verdict = check(name, wrong)
        assert verdict.state == "failed"
        assert says in verdict.text


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize(
    "wrong",
    [
        lambda *a: None,
        lambda *a: "text",
        lambda *a: [],
        lambda *a: float("nan"),
        lambda *a: {},
        lambda *a: [[[1]]],
        lambda *a: 1 / 0,
        lambda: 3,
        lambda *a: object(),
        3.0,
        "a text",
        [1, 2],
        lambda *a: a,
        lambda *a: -1,
        lambda *a: torch.zeros(2),
        lambda *a: np.array(["a"]),
        lambda *a: iter([1, 2]),
    ],
)
def test_nonsense_is_answered_in_words_and_stops_nothing(name: str, wrong: Any) -> None:
    verdict = check(name, wrong)
    assert verdict.state == "failed"
    assert len(verdict.text) > 30
    assert "Traceback" not in verdict.text


def test_the_capstone_refuses_other_fleets_and_damaged_codes_without_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def trains(_: Any) -> None:
        raise RuntimeError("it was about to train")

    monkeypatch.setattr("ftte_lab.course.capstone._run", trains)
    for wrong, says in (
        (LIMITS.start(clients=50).code(), "another fleet: clients"),
        (LIMITS.start(mix={"phone": 1.0}, horizon_s=9e3).code(), "another fleet: mix, horizon_s"),
        ("ftte1-nonsense", "cut off or mistyped"),
        (lambda: 5, "a int was returned"),
        (lambda: 1 / 0, "ZeroDivisionError"),
    ):
        assert says in check("10a", wrong).text
    assert (
        "could not be checked (RuntimeError: it was about to train)"
        in check("10a", LIMITS.start().code()).text
    )


def test_a_submission_that_cannot_run_is_refused_in_the_kit_s_own_words() -> None:
    assert (
        "no subset fits the budget you set"
        in check("10a", LIMITS.start(budget_kib=64.0).code()).text
    )


def test_hints_grow_with_attempts_and_inputs_stay_the_same() -> None:
    texts = [check("05a", lambda d, c, u: 0.0).text for _ in range(6)]
    hints = EXERCISES["05a"].hints
    assert [sum(hint in text for hint in hints) for text in texts] == [0, 1, 2, 3, 3, 3]
    assert len({text.split("\n")[0] for text in texts}) == 1  # the same failing case each time
    assert check("05a", function_of((course.SOLUTIONS / "05a.py").read_text())).state == "passed"
    assert check("05a", lambda d, c, u: 0.0).state == "failed"
    assert report().exercises["05a"] == {"attempts": 8, "passed": True}  # once passed, passed


def test_an_endless_loop_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def loop(*_: Any) -> None:
        ran.append(1)
        while True:
            pass

    with pytest.raises(guard.TroubleError, match=r"did not come back within 0\.2 seconds"):
        guard.call(loop, (1,), limit_s=0.2)
    assert ran == [1]


def test_inputs_are_copies() -> None:
    def spoils(rows: list[list[float]], samples: list[int]) -> list[float]:
        mean = [sum(c) for c in zip(*rows, strict=True)]
        rows.clear()
        samples.clear()
        return mean

    first = check("01a", spoils).text.split("\n")[0]
    assert check("01a", spoils).text.split("\n")[0] == first
    assert check("01a", function_of(course.answered((course.SOLUTIONS / "01a.py").read_text())))


def test_strict_raises_for_a_grader_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FTTE_CHECK", "strict")
    with pytest.raises(AssertionError, match="05a"):
        check("05a", lambda *a: 0)
    with pytest.raises(AssertionError, match="not yet"):
        check("05a", None)
    monkeypatch.delenv("FTTE_CHECK")
    assert not check("05a", None)
    assert "There is no exercise '99z'" in check("99z", 1).text


def test_progress_survives_a_restart_and_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv(record.VARIABLE, str(tmp_path / "mine"))
    check("05a", lambda *a: 0)
    predict("05", "How long?", ["1", "2"])
    record.forget()
    assert check("05a", lambda *a: 0).text.count("Hint") == 1  # it is the second attempt
    [file] = (tmp_path / "mine").iterdir()
    assert json.loads(file.read_text())["exercises"]["05a"]["attempts"] == 2
    file.write_text("{ half")
    record.forget()
    check("05a", lambda *a: 0)
    assert "could not be read; it is kept as 05.unreadable" in capsys.readouterr().out
    assert (tmp_path / "mine" / "05.unreadable").read_text() == "{ half"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(record.VARIABLE, str(tmp_path / "file" / "below"))
    assert check("05a", lambda *a: 0).state == "failed"
    assert "could not be kept" in capsys.readouterr().out


def test_a_prediction_is_shown_again_beside_the_result(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ipywidgets as widgets

    predict("05", "How much longer?", ["a little", "a lot"])
    assert "No prediction recorded." in capsys.readouterr().out
    reveal("05", "a lot", "9 times.", choices=["a little", "a lot"])
    assert "You made no prediction" in capsys.readouterr().out
    note = widgets.Label("")
    _keep("05", "a little", note)
    assert "recorded: a little" in note.value
    reveal("05", "a lot", "9 times.")
    assert capsys.readouterr().out == "You said: a little. The fleet says: a lot. 9 times.\n"
    _keep("05", "a lot", note)
    reveal("05", "a lot")
    assert "The fleet says the same." in capsys.readouterr().out
    assert _entry("05")["measured"] == "a lot"
    with pytest.raises(ValueError, match="answer = 'some'"):
        reveal("05", "some", choices=["a", "b"])
    with pytest.raises(ValueError, match="at least two"):
        predict("05", "?", ["one"])
    shown: list[Any] = []
    monkeypatch.setenv("FTTE_MODE", "live")
    module: Any = importlib.import_module("ftte_lab.course.predict")
    monkeypatch.setattr(module, "display", shown.append)
    predict("05", "How much longer?", ["a little", "a lot"])
    [box] = shown
    assert box.children[1].value == "a lot"
    box.children[1].value = "a little"
    assert report().predictions["05"]["said"] == "a little"


def test_a_measured_value_means_a_choice() -> None:
    choices = ("less", "alike", "more")
    assert [pick(choices, v, (-3, 3)) for v in (-9, -3, 0, 2.9, 3, 50)] == [
        "less",
        *["alike"] * 3,
        "more",
        "more",
    ]
    for bounds in ((1,), (3, -3), (1, 2, 3)):
        with pytest.raises(ValueError, match="rising bounds"):
            pick(choices, 0, bounds)


def test_a_report_travels_and_notices_slips() -> None:
    check("05a", lambda *a: 0)
    check("05b", function_of(course.answered((course.SOLUTIONS / "05b.py").read_text())))
    _entry("05")["said"] = "a lot"
    mine = report("Ada")
    assert str(mine).startswith(f"Ada: 1 of {len(EXERCISES)} exercises passed")
    assert "05a how long is a synchronous round?: not passed, 1 attempt" in str(mine)
    assert "00a time to target: not tried" in str(mine)
    assert "prediction 05: said a lot" in str(mine)
    again = Report.from_json(mine.to_json())
    assert str(again) == str(mine)
    assert report(lesson="05").to_dict()["of"] == 2
    for broken in (mine.to_json().replace("Ada", "Eve"), "{}", "nonsense", "[]"):
        with pytest.raises(ValueError, match=r"report"):
            Report.from_json(broken)


def test_doctor_finds_everything_here_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    assert doctor()
    assert "no network is needed" in capsys.readouterr().out
    module: Any = importlib.import_module("ftte_lab.course.doctor")
    monkeypatch.setattr(module, "_NEEDED", ("torch", "no-such-package"))
    assert not doctor()
    assert "✘ not installed: no-such-package. Run `make lab`" in capsys.readouterr().out


def test_values_are_compared_and_shown_as_a_student_would() -> None:
    assert same(np.float32(2.5), 2.5, 1e-6)
    assert same(torch.tensor([1.0, 2.0]), (1, 2), 1e-6)
    assert not same([1, 2], [1, 2, 3], 1e-6)
    assert not same(True, 1, 1e-6)
    assert not same(float("nan"), 1.0, 1e-6)
    assert same({"a": [1]}, {"a": (1,)}, 1e-6)
    assert show(np.arange(20)) == "[0, 1, 2, 3, 4, 5, 6, 7, … 20 in all]"
    assert show(1 / 3) == "0.3333"
    assert show(torch.tensor(2.0)) == "2"
    assert "Nothing came back" in difference(None, 3)
    assert "2 entries came back instead of 3" in difference([1, 2], [1, 2, 3])
    assert "list or an array of 2" in difference(1, [1, 2])
    assert Agrees(lambda a: a, [(1,)])(lambda a: a) is None
    assert Holds(lambda v, a: None, [(1,)])(lambda a: a) is None


def shown() -> list[tuple[list[Any], dict[str, Any]]]:
    """The arguments of every `show_code` in the notebooks."""
    found = []
    for path in course.notebooks():
        cells = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        for node in ast.walk(ast.parse("\n".join(cells))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "show_code"
            ):
                given = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
                found.append(([ast.literal_eval(a) for a in node.args], given))
    return found


@pytest.mark.parametrize("call", shown(), ids=lambda call: call[0][0])
def test_the_code_that_a_lesson_shows_stands_in_the_library(call: Any, capsys: Any) -> None:
    """A line that was renamed or moved fails here first."""
    show_code(*call[0], **call[1])
    where, *code = capsys.readouterr().out.strip().split("\n")
    file, line = re.fullmatch(r"# (ftte_lab/[\w/]+\.py), line (\d+)", where).groups()  # type: ignore[union-attr]
    stands = (course.HERE.parent / file).read_text().split("\n")[int(line) - 1 :][: len(code)]
    assert [text.strip() for text in stands] == [text.strip() for text in code]
    assert 1 <= len(code) <= 12
    assert '"""' not in "".join(code)


def test_every_lesson_shows_code_and_wrong_names_are_explained() -> None:
    assert len(shown()) >= 15
    for wrong, says in (
        (lambda: show_code("server.combined"), "no function of this kit"),
        (lambda: show_code("nothing"), "no function of this kit"),
        (lambda: show_code("server.combine", begins="magic"), "nowhere in server.combine"),
        (lambda: show_code("server.combine", lines=40), "lines = 40"),
    ):
        with pytest.raises(ValueError, match=says):
            wrong()
