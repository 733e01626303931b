"""Open registries: shipped entries are fixed, own ones come and go."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from ftte_lab._common import Registry, callable_entry


@pytest.fixture
def colours() -> Registry[str]:
    return Registry("colour", {"red": "#f00", "green": "#0f0"})


def test_registry_reads_like_a_mapping(colours: Registry[str]) -> None:
    colours["mine"] = "#00f"
    assert dict(colours) == {"red": "#f00", "green": "#0f0", "mine": "#00f"}
    assert list(colours) == ["red", "green", "mine"]
    assert len(colours) == 3
    assert "mine" in colours
    assert colours.get("blue") is None
    assert {**colours, "blue": "b"}["blue"] == "b"
    assert repr(colours) == "<Registry of 3, colour: red, green, mine>"
    with pytest.raises(KeyError):
        colours["blue"]


def _set(colours: Registry[str]) -> None:
    colours["red"] = "x"


def _delete(colours: Registry[str]) -> None:
    del colours["red"]


@pytest.mark.parametrize(
    "change",
    [
        _set,
        _delete,
        lambda c: c.pop("red"),
        lambda c: c.pop("red", None),
        lambda c: c.popitem(),
        lambda c: c.update(red="x"),
        lambda c: c.update({"red": "x"}),
        lambda c: c.__ior__({"red": "x"}),
        lambda c: Registry.__setitem__(c, "red", "x"),
    ],
)
def test_registry_keeps_shipped_entries(
    colours: Registry[str], change: Callable[[Registry[str]], Any]
) -> None:
    with pytest.raises((ValueError, AttributeError), match=r"is shipped; allowed|__ior__"):
        change(colours)
    assert dict(colours) == {"red": "#f00", "green": "#0f0"}


def test_registry_default_of_a_shipped_entry_changes_nothing(colours: Registry[str]) -> None:
    assert colours.setdefault("red", "x") == "#f00"


def test_registry_clear_keeps_shipped_entries(colours: Registry[str]) -> None:
    colours.update(a="1", b="2")
    colours.clear()
    assert list(colours) == ["red", "green"]


def test_registry_does_not_share_the_shipped_mapping() -> None:
    shipped = {"red": "#f00"}
    colours = Registry("colour", shipped)
    shipped["red"] = "x"
    assert colours["red"] == "#f00"


def test_registry_replaces_and_removes_own_entries(colours: Registry[str]) -> None:
    colours["mine"] = "a"
    colours["mine"] = "b"
    assert list(colours.own) == ["mine"]
    assert colours.pop("mine") == "b"
    assert list(colours.own) == []
    assert colours.pop("mine", "none") == "none"
    with pytest.raises(ValueError, match=r"colour = 'gren' is not known.*Did you mean 'green'\?"):
        del colours["gren"]


def test_registry_version_counts_how_often_an_entry_was_set(colours: Registry[str]) -> None:
    assert colours.version("red") == colours.version("mine") == 0
    colours["mine"] = "a"
    assert colours.version("mine") == 1
    del colours["mine"]
    colours["mine"] = "a"
    assert colours.version("mine") == 2


@pytest.mark.parametrize("name", ["", " ", " mine", "mine ", 3, None])
def test_registry_refuses_a_name_that_cannot_be_typed(colours: Registry[str], name: Any) -> None:
    with pytest.raises(ValueError, match=r"of a colour; allowed: a text without outer spaces"):
        colours[name] = "x"
    assert colours.own == ()


def test_registry_check_refuses_an_entry() -> None:
    rules: Registry[Any] = Registry("rule", {"one": len}, callable_entry("rule"))
    with pytest.raises(ValueError, match=r"the rule 'two' is of type int; allowed: a function"):
        rules["two"] = 2
    assert list(rules) == ["one"]
    rules["two"] = sum
    with pytest.raises(ValueError, match="of type str"):
        rules["two"] = "x"
    assert rules["two"] is sum
    assert rules.version("two") == 1


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))],  # noqa: S301
)
def test_registry_copies_keep_the_rules(
    colours: Registry[str], copied: Callable[[Registry[str]], Registry[str]]
) -> None:
    colours["mine"] = "a"
    other = copied(colours)
    assert dict(other) == dict(colours)
    with pytest.raises(ValueError, match="is shipped"):
        other["red"] = "x"
