"""The table of kept runs: nothing that differs is left out, and every form holds every row."""

import csv
import io
import re
from itertools import product
from typing import Any

import numpy as np
import pytest

from ftte_lab.experiments import Score, Scoreboard
from ftte_lab.lab import Settings
from ftte_lab.lab.difference import SAME, difference
from ftte_lab.lab.tools.compare import FORMS, Kept, export, table
from ftte_lab.simulation import SETTINGS

FIRST = Settings()
HOSTILE = r"50 % of a_b & c#d | {x} ~ \ ^ $ < > `*`"


def board(minutes: float | None = 20.0) -> Scoreboard:
    time_s = None if minutes is None else 60 * minutes
    scores = {
        "fedavg": Score("fedavg", 714 * 1024.0, 42.9 * 1024, 50, 100, 0.947, 3000.0, 9e5, 2.0**30),
        "ftte": Score("ftte", 122 * 1024.0, 11.8 * 1024, 0, 100, 0.945, time_s, 1e5, 2.0**28),
    }
    return Scoreboard(scores, 0.902, "fedavg")


ROWS: list[Kept] = [
    ("A", FIRST, board()),
    ("B", FIRST.set(buffer=5), board(None)),
    ("C", FIRST.set(alpha=0.3, straggler_share=0.5), board(7.0)),
]


def other_values(name: str) -> list[Any]:
    one = SETTINGS[name]
    now = getattr(FIRST.scenario, name)
    if name == "mix":
        return [{"phone": 1.0}]
    if one.choices is not None:
        return [value for value in one.choices if value != now]
    if one.kind == "bool":
        return [not now]
    steps = one.knob.steps if one.knob else ()
    low, high = one.low or 0, one.high or 10**6
    between = [one.default, low, high, (low + high) / 2, low + 1, 7, *steps]
    values = [int(v) if one.kind == "int" and not isinstance(v, str | None) else v for v in between]
    return [value for value in values if value not in (None, now)]


@pytest.mark.parametrize("name", [name for name in SETTINGS if name != "method"])
def test_each_field_that_differs_is_named_by_its_knob(name: str) -> None:
    """One that contradicts another field is set together with what it needs."""
    helps: list[dict[str, Any]] = [
        {},
        {"alpha": 0.5},
        {"variance_exponent": 0.0, "payload_bits": 32},
        {"subset_per": "fleet", "variance": "entries"},
        {"refill": "step"},
        {"normalise": "count"},
        {"normalise": "count", "clip_norm": 0.5},
    ]
    methods = (FIRST.methods, ("ftte",), ("fedavg",))
    for value in other_values(name):
        for more, chosen in product(helps, methods):
            try:
                first = FIRST.replace(methods=chosen).set(
                    **{k: v for k, v in more.items() if k != name}
                )
                other = first.set(**{name: value})
                first.runs(), other.runs()
            except ValueError:
                continue
            text = difference(first, other)
            assert text.startswith(SETTINGS[name].label.partition(", ")[0])
            assert name == "data" or "_" not in text
            assert difference(other, first) != SAME
            return
    pytest.fail(f"no other value of {name} is possible")


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (FIRST, SAME),
        (FIRST.replace(over="updates", metric="loss", watch="fedavg"), SAME),
        (FIRST.set(seed=4), "seed 4"),
        (FIRST.replace(seeds=3), "3 seeds"),
        (FIRST.replace(target=0.9), "target 90 %"),
        (FIRST.replace(methods=("fedavg", "ftte")), "methods FedAvg and FTTE"),
        (FIRST.replace(rates={**FIRST.rates, "ftte": 2.0}), "server rate 2 for FTTE"),
        (FIRST.replace(rates={**FIRST.rates, "fedasync": 2.0}), SAME),  # it does not run
        (FIRST.set(server_rate=2.0), "server rate 2"),
    ],
)
def test_what_counts_is_what_runs(other: Settings, text: str) -> None:
    assert difference(FIRST, other) == text


def test_fields_of_one_method_are_named_with_it() -> None:
    own = {**FIRST.comparison.own, "ftte": {"server_average": 0.5, "micro_batch": "auto"}}
    text = difference(FIRST, FIRST.replace(own=own))
    assert text == f"{SETTINGS['server_average'].label} 0.5 for FTTE"
    back = FIRST.set(server_rate=2.0)
    assert difference(back, FIRST).count("server rate") == 3
    assert "1.5 for FedAvg" in difference(back, FIRST)


def test_table_has_a_row_for_each_run_and_method() -> None:
    frame = table(ROWS, {"B": "small buffer"})
    assert len(frame) == 6
    assert frame["run"].unique().tolist() == ["A", "B: small buffer", "C"]
    assert frame["method"].tolist() == ["FedAvg", "FTTE"] * 3
    assert frame.loc[1, "time to target (min)"] == 20.0
    assert np.isnan(frame.loc[3, "time to target (min)"])
    assert frame.loc[0, "memory, weakest device (KiB)"] == 714
    assert frame["accuracy (%)"].tolist() == pytest.approx([94.7, 94.5] * 3)
    assert frame.loc[0, "bytes to target (MiB)"] == 1024
    assert frame.loc[0, "devices too small"] == 50
    codes = frame["share code"].unique().tolist()
    assert codes == [settings.code() for _, settings, _ in ROWS]
    assert Settings.restore(codes[1]).scenario.buffer == 5
    with pytest.raises(ValueError, match="nothing is pinned; allowed: at least one pinned run"):
        table([])


def test_csv_reads_back_to_the_digit() -> None:
    frame = table(ROWS, {"A": HOSTILE})
    read = list(csv.reader(io.StringIO(export(frame, "csv"))))
    assert read[0] == list(frame)
    assert len(read) == 7
    for cells, line in zip(read[1:], frame.to_numpy(), strict=True):
        for cell, value in zip(cells, line, strict=True):
            if isinstance(value, str):
                assert cell == value
            else:
                assert cell == "" if np.isnan(value) else float(cell) == value


def test_markdown_keeps_its_columns_whatever_a_run_is_called() -> None:
    frame = table(ROWS, {"A": HOSTILE})
    lines = export(frame, "markdown").splitlines()
    assert len(lines) == 8
    for line in lines:
        assert len(re.findall(r"(?<!\\)\|", line)) == len(list(frame)) + 1
    assert lines[5].split(" | ")[4] == "–"  # FTTE never arrived in run B
    assert "0.3" in lines[6]


def test_latex_has_no_sign_that_means_something_else() -> None:
    frame = table(ROWS, {"A": HOSTILE})
    text = export(frame, "latex")
    assert "rule" not in text  # as booktabs has
    inside = text.splitlines()[2:-2]
    assert len(inside) == 7
    assert text.splitlines()[0] == r"\begin{tabular}{llrlrrrrrrr}".replace("llrl", "lllr")
    for line in inside:
        body = line.partition(r"\\ ")[0]
        assert len(re.findall(r"(?<!\\)&", body)) == 10
        bare = re.sub(r"\\[&%$#_{}]|\$\\?[a-z-]+\$|\\text[a-z]+\{\}", "", body)
        assert not re.search(r"[%$#_{}~^\\<>|]", bare), bare
    codes = [line.partition("% ")[2] for line in inside[1:]]
    assert [code.split("% ")[-1] for code in codes[2:4]] == [ROWS[1][1].code()] * 2


def test_forms_are_named() -> None:
    frame = table(ROWS)
    assert all(export(frame, form) for form in FORMS)
    with pytest.raises(ValueError, match="form = 'xlsx' is not known"):
        export(frame, "xlsx")
