"""The files of a sweep: one that is cut off is made again, a foreign one is never replaced."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ftte_lab.experiments import Sweep, sweep
from ftte_lab.simulation import History, run
from tests.tiny import TINY

ONE = TINY.replace(horizon_s=10.0, evaluations=4)
OTHER = ONE.replace(seed=5)


@pytest.fixture(scope="module")
def whole() -> bytes:
    return run(ONE).to_json().encode()


def swept(folder: Path) -> History:
    with ThreadPoolExecutor(1) as pool:
        return dict(sweep([ONE], folder, executor=pool, progress=False))[ONE]


def file(folder: Path, kind: str = "json") -> Path:
    return folder / f"{ONE.digest()}.{kind}"


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_a_result_that_is_cut_off_is_made_again(tmp_path: Path, whole: bytes, share: float) -> None:
    file(tmp_path).write_bytes(whole[: int(share * len(whole))])
    assert Sweep(tmp_path, (ONE,)).missing == (ONE,)
    swept(tmp_path)
    assert file(tmp_path).read_bytes() == whole


def test_zeros_that_a_crash_left_are_made_again(tmp_path: Path, whole: bytes) -> None:
    file(tmp_path).write_bytes(bytes(4096))
    swept(tmp_path)
    assert file(tmp_path).read_bytes() == whole


@pytest.mark.parametrize("kind", ["another run", "newer", "foreign", "text"])
def test_a_whole_file_of_something_else_is_refused_and_kept(
    tmp_path: Path, whole: bytes, kind: str
) -> None:
    content = json.loads(whole)
    texts = {
        "another run": json.dumps(content | {"scenario": OTHER.to_dict()}),
        "newer": json.dumps(content | {"format": "ftte_lab history 2"}),
        "foreign": '{"name": "not ours"}',
        "text": "a note of mine",
    }
    file(tmp_path).write_text(texts[kind])
    with pytest.raises(ValueError, match=r"; allowed: "):
        swept(tmp_path)
    assert file(tmp_path).read_text() == texts[kind]


def test_a_failure_that_is_cut_off_is_run_again(tmp_path: Path) -> None:
    file(tmp_path, "failed").write_text('{"error": "Mem')
    assert len(swept(tmp_path).points) > 1


def test_foreign_files_in_the_folder_are_left_alone(tmp_path: Path, whole: bytes) -> None:
    foreign = {f"._{ONE.digest()}.json": b"\x00\x05\x16\x07", "package.json": b"{}"}
    for name, content in foreign.items():
        (tmp_path / name).write_bytes(content)
    swept(tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == foreign | {
        f"{ONE.digest()}.json": whole
    }


def test_a_result_of_the_first_edition_is_still_read(tmp_path: Path, whole: bytes) -> None:
    content = json.loads(whole)
    content["points"]["loss"][0] = float("nan")  # as it wrote it
    content["facts"]["odd"] = float("inf")
    file(tmp_path).write_text(json.dumps(content))
    history = Sweep(tmp_path, (ONE,)).history(ONE)
    assert history.points["loss"].isna().tolist()[0]
    again = History.from_json(history.to_json())
    assert again.facts["odd"] == float("inf")
    assert "NaN" not in history.to_json()
    assert again.points.equals(history.points)
