"""The offline data sets, the partitions, and the data home."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from ftte_lab.data import SOURCES, Dataset, Shards, data_home, fetch, load
from ftte_lab.data.partition import hand_to, split
from ftte_lab.models import build, from_rows, full, make_plan, to_rows
from ftte_lab.training import draw_batches, train_cohort

FEW = load("motion", people=12, samples_per_person=20, seed=3)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FTTE_DATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("name", ["digits", "motion"])
def test_offline_data_have_the_promised_form(name: str) -> None:
    d = load(name)
    for part in ("train", "test", "public"):
        x, y = getattr(d, f"x_{part}"), getattr(d, f"y_{part}")
        assert x.dtype == np.float32
        assert y.dtype == np.int64
        assert x.shape == (len(y), *d.shape)
        assert np.isfinite(x).all()
        assert set(y) == set(range(d.n_classes))
    rows = np.concatenate([d.x_train, d.x_test, d.x_public]).reshape(-1, np.prod(d.shape))
    assert len(np.unique(rows, axis=0)) == len(rows)  # no sample in two parts


def test_digits_keep_their_test_and_public_parts_under_a_cap() -> None:
    whole, part = load("digits"), load("digits", people=10, samples_per_person=20, seed=4)
    assert (len(whole.y_train), len(whole.y_test), len(whole.y_public)) == (1257, 360, 180)
    assert len(part.y_train) == 200
    np.testing.assert_array_equal(whole.x_test, part.x_test)
    np.testing.assert_array_equal(whole.x_public, part.x_public)
    assert not np.array_equal(
        part.x_train, load("digits", people=10, samples_per_person=20, seed=5).x_train
    )
    assert whole.x_train.min() == 0
    assert whole.x_train.max() == 1


def test_a_person_depends_on_the_seed_and_their_number_alone() -> None:
    more = load("motion", people=15, samples_per_person=20, seed=3)
    assert FEW.train_person is not None
    np.testing.assert_array_equal(FEW.x_train, more.x_train[: len(FEW.x_train)])
    np.testing.assert_array_equal(FEW.x_public, more.x_public)
    assert not np.array_equal(
        FEW.x_train, load("motion", people=12, samples_per_person=20, seed=4).x_train
    )
    assert FEW.people == 12
    assert np.bincount(FEW.train_person).tolist() == [20] * 12


def test_people_have_a_style_and_habits_of_their_own() -> None:
    d = load("motion", people=40, samples_per_person=60)
    assert d.train_person is not None
    walk = d.y_train == d.classes.index("walk")
    pose = d.x_train.mean(2)
    own = [pose[walk & (d.train_person == p)] for p in range(40)]
    own = [o for o in own if len(o) > 3]
    within, between = (
        np.mean([o.std(0) for o in own]),
        np.std([o.mean(0) for o in own], axis=0).mean(),
    )
    assert (
        between > within
    )  # the same activity differs more from person to person than from time to time
    mixes = (
        np.stack([np.bincount(d.y_train[d.train_person == p], minlength=8) for p in range(40)]) / 60
    )
    assert mixes.std(0).mean() > 0.05  # drawing at random would give 0.04


def test_a_linear_model_is_clearly_worse_than_a_small_cnn() -> None:
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
def test_every_sample_goes_to_exactly_one_client(
    clients: int, by: str, alpha: float, seed: int
) -> None:
    shards = split(FEW, clients, by=by, alpha=alpha if by == "label" else None, seed=seed)
    check_partition(FEW, shards, clients)


def test_as_many_clients_as_samples_still_leaves_nobody_empty() -> None:
    check_partition(FEW, split(FEW, len(FEW.y_train), by="label", alpha=0.05), len(FEW.y_train))


def test_by_person_a_client_is_a_person() -> None:
    assert FEW.train_person is not None
    assert FEW.test_person is not None
    shards = split(FEW, 12, by="person")
    for c in range(12):
        assert set(FEW.train_person[shards.train[c]]) == {c}
        assert set(FEW.test_person[shards.test[c]]) == {c}
    for c, shard in enumerate(split(FEW, 30, by="person").train):  # several clients share a person
        assert len(set(FEW.train_person[shard])) == 1, c
    pairs = [set(FEW.train_person[shard]) for shard in split(FEW, 6, by="person").train]
    assert pairs == [{c, c + 6} for c in range(6)]


def test_a_smaller_alpha_is_more_skewed_in_training_and_test_data_alike() -> None:
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


def test_the_same_seed_gives_the_same_split() -> None:
    a, b, c = (split(FEW, 5, by="label", alpha=0.3, seed=s) for s in (1, 1, 2))
    assert all(np.array_equal(x, y) for x, y in zip(a.train, b.train, strict=True))
    assert not all(np.array_equal(x, y) for x, y in zip(a.train, c.train, strict=True))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 7), st.integers(0, 2**32 - 1))
def test_handing_out_by_class_gives_the_first_most_of_it_and_loses_nothing(
    label: int, seed: int
) -> None:
    before = split(FEW, 12, by="label", alpha=0.3, seed=seed)
    order = np.random.default_rng(seed).permutation(12)
    after = hand_to(order, before, FEW, label)
    check_partition(FEW, after, 12)
    held = after.class_counts(FEW)[order, label]
    assert (np.diff(held) <= 0).all()
    old = {tuple(train): tuple(test) for train, test in zip(before.train, before.test, strict=True)}
    assert {
        tuple(train): tuple(test) for train, test in zip(after.train, after.test, strict=True)
    } == old


def test_handing_out_a_class_that_is_not_there_is_explained() -> None:
    with pytest.raises(ValueError, match=r"slow_class = 8; allowed: a whole number from 0 to 7"):
        hand_to(np.arange(12), split(FEW, 12), FEW, 8)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"clients": 1}, "clients = 1"),
        ({"clients": 100_000}, "at least one training sample"),
        ({"clients": 5, "by": "persons"}, "Did you mean 'person'"),
        ({"clients": 5, "by": "label"}, "alpha = None"),
        ({"clients": 5, "by": "label", "alpha": 0.0}, "alpha = 0.0"),
        ({"clients": 5, "by": "iid", "alpha": 0.3}, "Use by = 'label'"),
    ],
)
def test_a_wrong_split_is_explained(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        split(FEW, **arguments)  # type: ignore[arg-type]


def test_data_without_persons_cannot_be_split_by_person() -> None:
    with pytest.raises(ValueError, match="knows no persons"):
        split(load("digits"), 5, by="person")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"name": "motoin"}, "Did you mean 'motion'"),
        ({"name": "motion", "people": 1}, "people = 1"),
        ({"name": "motion", "samples_per_person": 3}, "samples_per_person = 3"),
        ({"name": "digits", "people": 0}, "people = 0"),
        ({"name": "digits", "seed": -1}, "seed = -1"),
    ],
)
def test_a_wrong_load_is_explained(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        load(**arguments)  # type: ignore[arg-type]


def test_the_environment_variable_moves_the_data_home(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data_home() == home
    monkeypatch.delenv("FTTE_DATA_HOME")
    assert data_home() == Path(__file__).parents[2] / "data" / "cache"


@pytest.mark.parametrize("name", sorted(set(SOURCES) - {"digits", "motion"}))
def test_data_that_are_not_there_say_how_to_get_them(home: Path, name: str) -> None:
    with pytest.raises(
        ValueError, match=rf"not in the data home .*{name}\.npz.* ftte_lab\.data\.fetch"
    ):
        load(name)
    assert not home.exists()


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "foreign", "pickle"])
def test_a_damaged_copy_is_named(home: Path, damage: str) -> None:
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


def test_offline_data_need_no_fetching() -> None:
    with pytest.raises(ValueError, match="'motion' is not known; allowed: cifar10"):
        fetch("motion")
    with pytest.raises(ValueError, match="folder = 'x' for 'cifar10'"):
        fetch("cifar10", folder="x")
