import math
from pathlib import Path

import pandas as pd
import pytest

from ftte_lab.simulation import History, faster, saved


def made(accuracy: list[float]) -> History:
    n = len(accuracy)
    points = pd.DataFrame(
        {
            "version": range(n),
            "sim_seconds": [10.0 * k for k in range(n)],
            "updates": [3.0 * k for k in range(n)],
            "upload_bytes": [100.0 * k for k in range(n)],
            "total_bytes": [250.0 * k for k in range(n)],
            "energy_j": [7.0 * k for k in range(n)],
            "accuracy": accuracy,
        }
    )
    return History({"seed": 0}, points, {"peak_memory_bytes": 5})


def test_time_to_reads_the_smoothed_curve() -> None:
    h = made([0.0, 0.9, 0.0, 0.6, 0.6, 0.6])
    assert h.time_to(0.9, window=1) == 10.0  # one lucky point
    assert h.time_to(0.6, window=3) == 50.0  # three in a row
    assert h.time_to(0.6, "updates", window=3) == 15.0
    assert h.time_to(0.95) is None
    assert h.best(window=1) == 0.9
    assert h.final(window=2) == pytest.approx(0.6)


def test_the_level_is_the_mean_over_time_and_the_last_value_is_held() -> None:
    assert made([0.0, 1.0, 1.0]).level() == pytest.approx(0.75)
    assert made([0.0, 1.0]).level(100.0) == pytest.approx(0.95)
    assert made([0.0, 1.0, 0.0]).level(5.0) == pytest.approx(0.25)


def test_levelled_off_tells_a_plateau_from_a_climb() -> None:
    assert made([0.1, 0.5, 0.8, *[0.8] * 17]).levelled_off()
    assert not made([k / 20 for k in range(20)]).levelled_off()


def test_save_and_load_are_inverse(tmp_path: Path) -> None:
    h = made([0.1, float("nan"), 0.123456789012345])
    again = History.load(h.save(tmp_path / "run.json"))
    pd.testing.assert_frame_equal(again.points, h.points)
    assert dict(again.facts) == dict(h.facts)
    assert dict(again.scenario) == dict(h.scenario)
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_nothing_is_half_written(tmp_path: Path) -> None:
    target = tmp_path / "run.json"
    made([0.5]).save(target)
    before = target.read_bytes()
    broken = History({"seed": object()}, made([0.1]).points, {})  # cannot be written as JSON
    with pytest.raises(TypeError):
        broken.save(target)
    assert target.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": "other"}', '{"format": "ftte_lab history 1"}']
)
def test_a_wrong_file_is_one_clear_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="allowed"):
        History.load(path)
    with pytest.raises(ValueError, match="cannot be read"):
        History.load(tmp_path / "absent.json")
    with pytest.raises(ValueError, match="does not exist"):
        made([0.1]).save(tmp_path / "no" / "x.json")


def test_wrong_questions_are_answered() -> None:
    h = made([0.1, 0.2])
    with pytest.raises(ValueError, match="an accuracy from 0 to 1"):
        h.time_to(80)
    with pytest.raises(ValueError, match="Did you mean 'updates'"):
        h.time_to(0.1, "update")
    with pytest.raises(ValueError, match="window = 0"):
        h.smoothed(window=0)


def test_both_readings_of_faster() -> None:
    both = faster(100.0, 19.0)
    assert both["time_saved"] == pytest.approx(0.81)
    assert both["speed_gain"] == pytest.approx(100 / 19 - 1)
    assert faster(None, 3.0) == faster(3.0, None) == {"time_saved": None, "speed_gain": None}
    assert saved(100, 31) == pytest.approx(0.69)
    assert math.isnan(saved(0, 1))
