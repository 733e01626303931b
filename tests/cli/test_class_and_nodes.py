"""`bundle` for a class, and `serve`, `join` and `show` for real processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftte_lab.cli import COMMANDS, main
from ftte_lab.cli import bundle_command as bundle_module
from ftte_lab.deployment import NODE_COMMANDS, DeploymentError
from ftte_lab.deployment.__main__ import main as main_of_nodes

Capture = pytest.CaptureFixture[str]


def test_both_programs_offer_the_same_commands() -> None:
    assert [command.name for command in NODE_COMMANDS] == ["serve", "join", "show"]
    assert COMMANDS[-len(NODE_COMMANDS) :] == list(NODE_COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["join", "nonsense"], "this is no join line; allowed: tcp://host:port/KEY/WORD"),
        (["serve", "--seats", "3"], "seats = 3"),
        (["serve", "--seats", "many"], "'many' is not a valid integer"),
        (["serve", "--host", "0.0.0.0"], "Nodes need an address that they can reach"),  # noqa: S104
        (["show", "--nodes", "65"], "nodes = 65"),
        (["join"], "LINE"),
    ],
)
def test_whatever_is_wrong_is_one_sentence(
    arguments: list[str], says: str, capsys: Capture
) -> None:
    for program in (main, main_of_nodes):
        assert program(arguments) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert len(captured.err.splitlines()) == 1
        assert says in captured.err


def test_nodes_that_do_not_come_are_a_sentence(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise DeploymentError("2 of 4 nodes came; allowed: all of them.")

    monkeypatch.setattr("ftte_lab.deployment.runner.demonstrate", fails)
    assert main(["show"]) == 2
    assert capsys.readouterr().err == "ftte-lab: 2 of 4 nodes came; allowed: all of them.\n"


def test_serve_ends_with_an_interrupt_and_closes_its_room(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    class Room:
        def __init__(self, scenario: Any, **options: Any) -> None:
            asked.update(options, seats=scenario.clients, closed=False)

        def serve(self) -> None:
            raise KeyboardInterrupt

        def close(self) -> None:
            asked["closed"] = True

    monkeypatch.setattr("ftte_lab.deployment.classroom.Classroom", Room)
    assert main(["serve", "--seats", "5", "--seconds", "7", "--word", "green-tea"]) == 0
    assert asked.pop("tell")
    assert asked == {
        "seats": 5,
        "seconds": 7.0,
        "host": "127.0.0.1",
        "port": 0,
        "word": "green-tea",
        "closed": True,
    }
    assert capsys.readouterr().out == "ended\n"


def test_bundle_of_a_wheel_is_refused_in_words(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A wheel has the pages of students, and not their sources."""
    monkeypatch.setattr(bundle_module, "course_source", lambda: tmp_path)
    assert main(["bundle", str(tmp_path / "x.zip")]) == 2
    assert capsys.readouterr().err == (
        "ftte-lab: this installation is from a wheel, which has no sources of the pages; allowed: "
        "a checkout of the repository. Or give students the wheel itself: ftte-lab start copies "
        "pages without solutions.\n"
    )
    assert not (tmp_path / "x.zip").exists()
