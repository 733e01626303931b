"""The offline data sets, the partitions, and the data home."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from ftte_lab.data import (
    SOURCES,
    Dataset,
    Shards,
    Source,
    assign_class_to_slowest,
    cache_path,
    data_home,
    divide_by_label,
    fetch,
    images,
    load,
    split,
)
from ftte_lab.models import build, from_rows, full, make_plan, to_rows
from ftte_lab.training import draw_batches, train_cohort

FEW = load("motion", people=12, samples_per_person=20, seed=3)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FTTE_DATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("name", ["digits", "motion"])
def test_load_offline_data_have_shapes_types_and_no_duplicates(name: str) -> None:
    d = load(name)
    for part in ("train", "test", "public"):
        x, y = getattr(d, f"x_{part}"), getattr(d, f"y_{part}")
        assert x.dtype == np.float32
        assert y.dtype == np.int64
        assert x.shape == (len(y), *d.shape)
        assert np.isfinite(x).all()
        assert set(y) == set(range(d.n_classes))
    rows = np.concatenate([d.x_train, d.x_test, d.x_public]).reshape(-1, np.prod(d.shape))
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_digits_are_those_of_their_library() -> None:
    """Its table is read without importing it, value by value the same."""
    bunch, (found, labels) = load_digits(), images._digits_table()
    assert np.array_equal(found, bunch.images)
    assert np.array_equal(labels, bunch.target)


def test_digits_come_from_their_library_where_its_table_lies_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images_here, labels_here = images._digits_table()
    monkeypatch.setattr(images, "find_spec", lambda name: None)
    images_there, labels_there = images._digits_table()
    assert np.array_equal(images_here, images_there)
    assert np.array_equal(labels_here, labels_there)


def test_load_digits_cap_leaves_test_and_public_parts() -> None:
    complete = load("digits")
    part = load("digits", people=10, samples_per_person=20, seed=4)
    assert (len(complete.y_train), len(complete.y_test), len(complete.y_public)) == (1257, 360, 180)
    assert len(part.y_train) == 200
    np.testing.assert_array_equal(complete.x_test, part.x_test)
    np.testing.assert_array_equal(complete.x_public, part.x_public)
    assert not np.array_equal(
        part.x_train, load("digits", people=10, samples_per_person=20, seed=5).x_train
    )
    assert complete.x_train.min() == 0
    assert complete.x_train.max() == 1


def test_motion_person_depends_on_seed_and_number_alone() -> None:
    more = load("motion", people=15, samples_per_person=20, seed=3)
    assert FEW.train_person is not None
    np.testing.assert_array_equal(FEW.x_train, more.x_train[: len(FEW.x_train)])
    np.testing.assert_array_equal(FEW.x_public, more.x_public)
    assert not np.array_equal(
        FEW.x_train, load("motion", people=12, samples_per_person=20, seed=4).x_train
    )
    assert FEW.people == 12
    assert np.bincount(FEW.train_person).tolist() == [20] * 12


def test_motion_people_differ_in_pose_and_activities() -> None:
    d = load("motion", people=40, samples_per_person=60)
    assert d.train_person is not None
    walk = d.y_train == d.classes.index("walk")
    pose = d.x_train.mean(2)
    own = [pose[walk & (d.train_person == p)] for p in range(40)]
    own = [o for o in own if len(o) > 3]
    within = np.mean([o.std(0) for o in own])
    between = np.std([o.mean(0) for o in own], axis=0).mean()
    # The same activity differs more from person to person than from time to time.
    assert between > within
    counts = [np.bincount(d.y_train[d.train_person == p], minlength=8) for p in range(40)]
    # Equal habits would give 0.04.
    assert (np.stack(counts) / 60).std(0).mean() > 0.05


def test_motion_needs_more_than_a_linear_model() -> None:
    d = load("motion", seed=0)
    flat = d.x_train.reshape(len(d.y_train), -1)
    linear = LogisticRegression(max_iter=300, C=0.01).fit(flat, d.y_train)
    model = build("cnn", d.shape, d.n_classes)
    params = model.init(0)
    batches = draw_batches(len(d.y_train), 1000, 32, seed=0, client=0, visit=0)[None]
    x, y = torch.as_tensor(d.x_train), torch.as_tensor(d.y_train)
    update = train_cohort(
        make_plan(model, full(model)), params, x, y, torch.as_tensor(batches), rate=0.1
    )
    trained = from_rows(model, full(model), to_rows(params) + update.rows[0])
    right = model.forward(trained, torch.as_tensor(d.x_test)).argmax(1).numpy() == d.y_test
    score = linear.score(d.x_test.reshape(len(d.y_test), -1), d.y_test)
    assert 0.2 < score < 0.5
    assert right.mean() > score + 0.35


def check_partition(d: Dataset, shards: Shards, clients: int) -> None:
    assert len(shards.train) == len(shards.test) == clients
    assert sorted(np.concatenate(shards.train).tolist()) == list(range(len(d.y_train)))
    assert sorted(np.concatenate(shards.test).tolist()) == list(range(len(d.y_test)))
    assert min(map(len, shards.train)) >= 1


@settings(deadline=None, max_examples=40)
@given(
    st.integers(2, 60),
    st.sampled_from(["person", "label", "iid"]),
    st.floats(0.01, 1000),
    st.integers(0, 2**32 - 1),
)
def test_split_gives_each_sample_to_one_client(
    clients: int, by: str, alpha: float, seed: int
) -> None:
    shards = split(FEW, clients, by=by, alpha=alpha if by == "label" else None, seed=seed)
    check_partition(FEW, shards, clients)


def test_split_into_as_many_clients_as_samples_leaves_none_empty() -> None:
    check_partition(FEW, split(FEW, len(FEW.y_train), by="label", alpha=0.05), len(FEW.y_train))


def test_split_by_person_makes_a_client_a_person() -> None:
    assert FEW.train_person is not None
    assert FEW.test_person is not None
    shards = split(FEW, 12, by="person")
    for c in range(12):
        assert set(FEW.train_person[shards.train[c]]) == {c}
        assert set(FEW.test_person[shards.test[c]]) == {c}
    # With more clients than people, several clients share a person.
    for c, shard in enumerate(split(FEW, 30, by="person").train):
        assert len(set(FEW.train_person[shard])) == 1, c
    pairs = [set(FEW.train_person[shard]) for shard in split(FEW, 6, by="person").train]
    assert pairs == [{c, c + 6} for c in range(6)]


def test_split_by_label_is_more_skewed_with_smaller_alpha() -> None:
    d = load("digits")

    def skew(alpha: float) -> float:
        shards = split(d, 20, by="label", alpha=alpha)
        mixes = [np.bincount(d.y_train[s], minlength=10) / len(s) for s in shards.train]
        tests = [
            np.bincount(d.y_test[s], minlength=10) / len(s) if len(s) else m
            for s, m in zip(shards.test, mixes, strict=True)
        ]
        assert np.mean([np.abs(m - t).sum() for m, t in zip(mixes, tests, strict=True)]) < 0.8
        return float(np.std(mixes))

    assert skew(0.05) > skew(0.5) > skew(5) > skew(500)


def test_split_depends_on_the_seed() -> None:
    a, b, c = (split(FEW, 5, by="label", alpha=0.3, seed=s) for s in (1, 1, 2))
    assert all(np.array_equal(x, y) for x, y in zip(a.train, b.train, strict=True))
    assert not all(np.array_equal(x, y) for x, y in zip(a.train, c.train, strict=True))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 7), st.integers(0, 2**32 - 1))
def test_assign_class_to_slowest_orders_clients_and_keeps_shards(label: int, seed: int) -> None:
    before = split(FEW, 12, by="label", alpha=0.3, seed=seed)
    order = np.random.default_rng(seed).permutation(12)
    after = assign_class_to_slowest(order, before, FEW, label)
    check_partition(FEW, after, 12)
    held = after.class_counts(FEW)[order, label]
    assert (np.diff(held) <= 0).all()
    old = {tuple(train): tuple(test) for train, test in zip(before.train, before.test, strict=True)}
    assert {
        tuple(train): tuple(test) for train, test in zip(after.train, after.test, strict=True)
    } == old


def test_assign_class_to_slowest_refuses_an_unknown_class() -> None:
    with pytest.raises(ValueError, match=r"slow_class = 8; allowed: an integer from 0 to 7"):
        assign_class_to_slowest(np.arange(12), split(FEW, 12), FEW, 8)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"clients": 1}, "clients = 1"),
        ({"clients": 100_000}, "at least one training sample"),
        ({"clients": 5, "by": "persons"}, "Did you mean 'person'"),
        ({"clients": 5, "by": "label"}, "alpha = None"),
        ({"clients": 5, "by": "label", "alpha": 0.0}, "alpha = 0.0"),
        ({"clients": 5, "by": "iid", "alpha": 0.3}, "Use by = 'label'"),
    ],
)
def test_split_refuses_wrong_arguments(arguments: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        split(FEW, **arguments)  # type: ignore[arg-type]


def test_split_by_person_needs_persons() -> None:
    with pytest.raises(ValueError, match="does not record persons; allowed"):
        split(load("digits"), 5, by="person")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"name": "motoin"}, "Did you mean 'motion'"),
        ({"name": "motion", "people": 1}, "people = 1"),
        ({"name": "motion", "samples_per_person": 3}, "samples_per_person = 3"),
        ({"name": "digits", "people": 0}, "people = 0"),
        ({"name": "digits", "seed": -1}, "seed = -1"),
    ],
)
def test_load_refuses_wrong_arguments(arguments: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        load(**arguments)  # type: ignore[arg-type]


def test_data_home_follows_the_environment_variable(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data_home() == home
    monkeypatch.delenv("FTTE_DATA_HOME")
    assert data_home() == Path(__file__).parents[2] / "data" / "cache"


def test_what_can_be_made_again_lies_in_the_data_home_or_with_the_user(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_path("sweeps") == home / "sweeps"  # it may be made there
    home.mkdir(exist_ok=True)
    (home / "kept.js").write_text("")
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: allowed(path, mode) and path != home)
    assert cache_path("kept.js") == home / "kept.js"  # it is there, and can be read
    own = cache_path("sweeps")
    assert own.name == "sweeps"
    assert home not in own.parents


@pytest.mark.parametrize("name", sorted(set(SOURCES) - {"digits", "motion"}))
def test_load_of_missing_data_names_the_way_to_fetch_them(home: Path, name: str) -> None:
    with pytest.raises(
        ValueError, match=rf"not in the data home .*{name}\.npz.* ftte_lab\.data\.fetch"
    ):
        load(name)
    assert not home.exists()


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "foreign", "pickle"])
def test_load_of_a_damaged_file_names_it(home: Path, damage: str) -> None:
    home.mkdir()
    path = home / "cifar10.npz"
    np.savez(path, x_train=np.zeros((20, 3, 32, 32), np.uint8))
    if damage == "pickle":
        keys = ("x_train", "y_train", "x_test", "y_test")
        objects: Any = {key: np.array([{"a": 1}], dtype=object) for key in keys}
        np.savez(path, **objects)
    elif damage != "foreign":
        path.write_bytes({"empty": b"", "text": b"<html>", "cut": path.read_bytes()[:5000]}[damage])
    with pytest.raises(ValueError, match=r"cifar10\.npz .*(damaged|has no y_train).*Delete it"):
        load("cifar10")


def test_fetch_refuses_offline_data_and_needless_folders() -> None:
    with pytest.raises(ValueError, match="'motion' is not known; allowed: cifar10"):
        fetch("motion")
    with pytest.raises(ValueError, match="folder = 'x' for 'cifar10'"):
        fetch("cifar10", folder="x")


def test_divide_by_label_cuts_each_class_at_its_shares() -> None:
    labels = np.array([0] * 10 + [1] * 4)
    shares = np.array([[0.5, 0.3, 0.2], [0.0, 0.0, 1.0]])
    parts = divide_by_label(labels, shares, np.random.default_rng(0))
    assert [np.bincount(labels[p], minlength=2).tolist() for p in parts] == [[5, 0], [3, 0], [2, 4]]
    assert sorted(np.concatenate(parts).tolist()) == list(range(14))


@pytest.mark.parametrize("part", ["train", "test", "public"])
def test_dataset_refuses_empty_and_unequal_parts(part: str) -> None:
    d = load("digits")
    for rows in (0, 3):
        with pytest.raises(ValueError, match=f"labels in its {part} part; allowed: as many"):
            dataclasses.replace(d, **{f"x_{part}": getattr(d, f"x_{part}")[:rows]})


@pytest.fixture
def threes() -> Iterator[None]:
    """A data set of one's own: the digits under another name."""

    def load_threes(people: int | None, samples_per_person: int | None, seed: int) -> Dataset:
        assert (people, samples_per_person) == (2, 3)
        return dataclasses.replace(load("digits", seed=seed), name="threes")

    SOURCES["threes"] = Source("digits again", load_threes)
    yield
    del SOURCES["threes"]


@pytest.mark.usefixtures("threes")
def test_load_finds_a_source_of_ones_own() -> None:
    assert load("threes", people=2, samples_per_person=3).name == "threes"
    with pytest.raises(ValueError, match="'threes' is not known; allowed: cifar10"):
        fetch("threes")


def test_load_refuses_a_source_that_returns_something_else() -> None:
    SOURCES["broken"] = Source("nothing", lambda people, samples, seed: None)  # type: ignore[arg-type,return-value]
    try:
        with pytest.raises(ValueError, match="load of 'broken' returned NoneType; allowed: a Data"):
            load("broken")
    finally:
        del SOURCES["broken"]


def test_fetch_uses_a_source_of_ones_own(home: Path) -> None:
    def fetch_mine(folder: str | Path | None, progress: bool) -> Path:
        assert folder == "here"
        return home / "mine.npz"

    SOURCES["mine"] = Source("mine", lambda people, samples, seed: FEW, fetch_mine)
    try:
        assert fetch("mine", folder="here", progress=False) == home / "mine.npz"
    finally:
        del SOURCES["mine"]


@pytest.mark.parametrize("entry", [None, "digits", lambda people, samples, seed: FEW])
def test_sources_refuse_what_is_not_a_source(entry: Any) -> None:
    with pytest.raises(ValueError, match=r"the data set 'mine' is .*; allowed: a Source"):
        SOURCES["mine"] = entry
    with pytest.raises(ValueError, match="the data set 'digits' is shipped"):
        SOURCES["digits"] = SOURCES["motion"]
