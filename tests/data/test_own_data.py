"""Own data by file: what is read is what stands there, and what is wrong is named by its place."""

import csv
import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ftte_lab import Scenario, run
from ftte_lab.data import OWN_DATA, SOURCES, load, own_content, own_data, own_table
from ftte_lab.models import build
from tests.malformed.damage import texts
from tests.tiny import TINY

PEOPLE = 12
NAME = "cups"


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    before = set(SOURCES)
    yield
    for name in set(SOURCES) - before:
        del SOURCES[name]
        OWN_DATA.pop(name, None)


def samples(n: int = 240, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three classes that a straight line tells apart, of people of unlike size."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    x = rng.normal(size=(n, 4)) + 4 * np.eye(3, 4)[y]
    person = np.minimum(rng.geometric(0.2, n) - 1, PEOPLE - 1)
    person[:PEOPLE] = np.arange(PEOPLE)
    return x.astype(np.float32), y, person


def as_csv(between: str = ",", mark: str = "") -> bytes:
    x, y, person = samples()
    out = io.StringIO()
    writer = csv.writer(out, delimiter=between, lineterminator="\r\n")
    writer.writerow(["a", "Label", "b", "c", "person", "d"])
    for row, label, who in zip(x, y, person, strict=True):
        a, b, c, d = (repr(float(v)) for v in row)
        writer.writerow([a, f"kind {label}", b, c, f"P {who}", d])
    return (mark + out.getvalue()).encode()


def as_npz(x: Any = None, **changes: Any) -> bytes:
    vectors, y, person = samples()
    out = io.BytesIO()
    arrays = {"x": vectors if x is None else x, "y": y, "person": person} | changes
    np.savez(out, **{k: v for k, v in arrays.items() if v is not None})  # type: ignore[arg-type]
    return out.getvalue()


@pytest.mark.parametrize(("between", "mark"), [(",", ""), (";", "\ufeff"), ("\t", "")])
def test_csv_holds_what_was_written(between: str, mark: str) -> None:
    x, y, person = samples()
    table = own_table.read_table(as_csv(between, mark), "a.CSV")
    assert np.array_equal(table.x.astype(np.float32), x)
    assert table.labels.tolist() == [f"kind {label}" for label in y]
    assert table.persons.tolist() == [f"P {who}" for who in person]


def test_both_forms_give_one_data_set() -> None:
    own_content(as_csv(), "cups.csv")
    own_content(as_npz(), "from.npz")
    one, other = load(NAME), load("from")
    for part in ("x_train", "y_train", "x_test", "y_test", "x_public", "train_person"):
        assert np.allclose(getattr(one, part), getattr(other, part), atol=1e-6), part


def test_each_sample_is_in_one_part_and_stays_with_its_person() -> None:
    _, y, person = samples()
    own_content(as_npz(np.arange(len(y), dtype=np.float32)[:, None]), "cups.npz")
    dataset = load(NAME)
    parts = [dataset.x_train, dataset.x_test, dataset.x_public]
    flat = np.concatenate(parts).ravel()
    assert len(np.unique(flat)) == len(y)  # the scaling keeps unlike numbers unlike
    place = np.searchsorted(np.sort(flat), flat)  # of each sample in the file
    ends = np.cumsum([len(part) for part in parts])
    train, test, public = np.split(place, ends[:-1])
    assert not set(person[public]) & {*person[train], *person[test]}
    counts = np.bincount(person)
    kept = sorted(set(person[train]), key=lambda p: (-counts[p], p))
    assert np.array_equal(np.array(kept)[dataset.train_person], person[train])
    assert np.array_equal(np.array(kept)[dataset.test_person], person[test])
    assert counts[kept].min() >= counts[list(set(person[public]))].max()
    for part, labels in ((train, dataset.y_train), (test, dataset.y_test)):
        assert np.array_equal(y[part], labels)
    for who in kept:
        assert (person[test] == who).sum() == counts[who] // 4


def test_a_scenario_runs_with_it_and_learns() -> None:
    about = own_content(as_csv(), "cups.csv")
    scenario = TINY.replace(data=about.name, model=about.model, clients=about.people)
    history = run(scenario)
    assert history.final() > 0.85
    assert history.points["accuracy"].iloc[0] < 0.7
    assert scenario.own_names() == [f"data {NAME!r}"]


@pytest.mark.parametrize(
    ("shape", "net"),
    [((4,), "mlp"), ((2, 16), "mcunet-s"), ((3, 5), "mlp"), ((1, 8, 8), "mcunet-s")],
)
def test_the_shape_shows_which_net_suits(shape: tuple[int, ...], net: str) -> None:
    x = np.random.default_rng(0).normal(size=(240, *shape))
    about = own_content(as_npz(x), "cups.npz")
    assert about.model == net
    assert build(net, about.shape, len(about.classes)).size > 0


def test_pixels_are_shares_and_colours_may_come_last() -> None:
    x = np.random.default_rng(0).integers(0, 256, (240, 9, 10, 3), dtype=np.uint8)
    about = own_content(as_npz(x), "cups.npz")
    assert about.shape == (3, 9, 10)
    dataset = load(NAME)
    assert dataset.x_train.max() <= 1
    y, person = samples()[1:]
    first = dataset.x_train[0]
    assert any(np.allclose(first, one.transpose(2, 0, 1) / 255) for one in x)
    assert len(y) == len(person) == 240


def test_a_cap_draws_by_the_seed() -> None:
    own_content(as_csv(), "cups.csv")
    capped = load(NAME, people=5, samples_per_person=4, seed=1)
    assert len(capped.y_train) == 20
    assert np.array_equal(
        capped.x_train, load(NAME, people=5, samples_per_person=4, seed=1).x_train
    )
    other = load(NAME, people=5, samples_per_person=4, seed=2)
    assert not np.array_equal(capped.x_train, other.x_train)
    assert np.array_equal(capped.x_test, load(NAME).x_test)


def test_a_name_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "Motion.csv"
    path.write_bytes(as_csv())
    assert own_data(path).name == "own_motion"
    assert own_data(path, "watches").name == "watches"
    assert Scenario(data="watches").data == "watches"
    with pytest.raises(ValueError, match="the data set 'motion' exists"):
        own_data(path, "motion")
    with pytest.raises(ValueError, match=r"name = 'My data'; allowed: a lower-case letter"):
        own_data(path, "My data")
    assert own_data(path, "watches").name == "watches"  # a changed file may be read again


def changed(line: int, column: int, cell: str) -> bytes:
    lines = as_csv().decode().split("\r\n")
    cells = lines[line - 1].split(",")
    cells[column] = cell
    lines[line - 1] = ",".join(cells)
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (changed(7, 2, ""), r"line 7, column 'b' is empty; allowed: a number in each cell"),
        (changed(9, 5, "n/a"), r"line 9, column 'd' holds 'n/a'"),
        (changed(9, 5, "nan"), r"line 9, column 'd' holds 'nan'"),
        (changed(3, 0, "-inf"), r"line 3, column 'a' holds '-inf'"),
        (changed(3, 0, "1e200"), r"line 3, column 'a' holds 1e\+200; allowed: up to 1e\+30"),
        (changed(4, 1, " "), r"line 4, column 'label' is empty"),
        (changed(4, 4, ""), r"line 4, column 'person' is empty"),
        (changed(4, 4, "x" * 99), r"line 4, column 'person' holds .*allowed: up to 60"),
        (changed(1, 1, "class"), r"no column is named 'label', but 'a, class, b, c, person, d'"),
        (changed(1, 2, "A"), r"column 3 is named 'A' again"),
        (changed(1, 2, ""), r"column 3 has no name"),
        (changed(5, 0, "1,2"), r"line 5 has 7 cells; allowed: 6"),
        (as_csv()[:70], r"allowed"),
        (as_csv().split(b"\r\n")[0], r"no line below its column names"),
        (b"", r"the file is empty"),
        (as_csv().decode().encode("utf-16"), r"line 1 of the file is not UTF-8"),
        (b'a,label,person\n1,2,"3\n', r"line \d is not CSV"),
    ],
)
def test_the_place_of_a_fault_is_named(content: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        own_content(content, "cups.csv")
    assert NAME not in SOURCES


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (as_npz(y=None), r"the file has no array 'y', but 'x, person'"),
        (as_npz(y=np.zeros(3, int)), r"y has the shape \(3,\) and x \(240, 4\)"),
        (as_npz(y=np.array([object()] * 240)), r"cannot be read .*allow_pickle=False"),
        (as_npz(y=np.full(240, 0.5)), r"y is of type float64; allowed: whole numbers or text"),
        (as_npz(y=np.zeros(240, int)), r"1 class in the column of labels"),
        (as_npz(y=np.r_[np.arange(239) % 2, 7]), r"the class '7' has 1 sample;"),
        (as_npz(person=np.arange(240) % 2), r"2 people; allowed: 3 or more"),
        (as_npz(np.full((240, 4), np.nan)), r"x\[0, 0\] is nan"),
        (as_npz(np.zeros((240, 4), complex)), r"x is of type complex128"),
        (as_npz(np.zeros(240)), r"x has the shape \(240,\)"),
        (b"PK\x03\x04 no zip", r"the file cannot be read"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(content: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        own_content(content, "cups.npz")


def test_other_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"a name that ends with \.csv or \.npz"):
        own_content(as_csv(), "cups.xlsx")
    with pytest.raises(ValueError, match=r"cannot be read \(No such file"):
        own_data(tmp_path / "nothing.csv")
    few = b"a,label,person\n" + b"1,x,p\n" * 19
    with pytest.raises(ValueError, match="19 samples; allowed: 20 or more"):
        own_content(few, "cups.csv")
    monkeypatch.setattr(own_table, "LARGEST_OWN_BYTES", 100)
    with pytest.raises(ValueError, match="MiB; allowed: up to"):
        own_content(as_csv(), "cups.csv")


@pytest.mark.parametrize("file", ["cups.csv", "cups.npz"])
def test_two_hundred_damaged_files_get_a_sentence_each(file: str, tmp_path: Path) -> None:
    valid = as_csv() if file.endswith("csv") else as_npz()
    canary, draw = tmp_path / "canary", random.Random(3)  # noqa: S311
    damaged = [content for _, content in texts(valid, canary)]
    while len(damaged) < 200:
        wrong = bytearray(valid)
        at = draw.randrange(len(wrong))
        if len(damaged) % 2:
            wrong[at] ^= 1 << draw.randrange(8)
        else:
            del wrong[at : at + draw.randint(1, 40)]
        damaged.append(bytes(wrong))
    answers = []
    for content in damaged:
        try:
            own_content(content, file)
        except ValueError as error:
            answers.append(str(error))
    assert len(answers) > 60
    for answer in answers:
        assert "; allowed: " in answer
        assert "\n" not in answer
        assert len(answer) < 600
    assert not canary.exists()
