import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ftte_lab.simulation import WIDTHS_PER_HORIZON, History, faster, first_reached, saved


def made(
    accuracy: Sequence[float], every_s: float = 10.0, horizon_s: float | None = None
) -> History:
    """Make a history with a point every few virtual seconds."""
    n = len(accuracy)
    points = pd.DataFrame(
        {
            "version": range(n),
            "sim_seconds": [every_s * k for k in range(n)],
            "updates": [3.0 * k for k in range(n)],
            "upload_bytes": [100.0 * k for k in range(n)],
            "total_bytes": [250.0 * k for k in range(n)],
            "energy_j": [7.0 * k for k in range(n)],
            "accuracy": list(accuracy),
        }
    )
    horizon_s = every_s * (n - 1) if horizon_s is None else horizon_s
    return History({"seed": 0, "horizon_s": horizon_s}, points, {"peak_memory_bytes": 5})


def test_smoothed_is_centred_and_as_wide_for_dense_as_for_sparse_points() -> None:
    dense = made([k / 100 for k in range(101)], 1.0)
    sparse = made([k / 10 for k in range(11)], 10.0)
    inner = dense.smoothed(width_s=20.0)[10:91]
    np.testing.assert_allclose(inner, np.arange(0.1, 0.905, 0.01))  # a line stays a line
    np.testing.assert_allclose(sparse.smoothed(width_s=20.0)[1:-1], np.arange(0.1, 0.95, 0.1))
    assert dense.time_to(0.5, width_s=20.0) == sparse.time_to(0.5, width_s=20.0) == 50.0
    assert dense.time_to(0.5, "energy_j", 20.0) == 350.0
    assert dense.time_to(0.999, width_s=20.0) is None


def test_smoothed_is_the_mean_over_the_window() -> None:
    """Compare with a fine numeric integration."""
    rng = np.random.default_rng(0)
    history = made(rng.random(30).tolist(), 7.0)
    t, y = history.points["sim_seconds"].to_numpy(), history.points["accuracy"].to_numpy()
    for at, got in zip(t, history.smoothed(width_s=33.0), strict=True):
        fine = np.linspace(max(0, at - 16.5), min(t[-1], at + 16.5), 20_001)
        assert got == pytest.approx(np.interp(fine, t, y).mean(), abs=1e-4)


def test_smoothed_of_width_zero_is_the_column() -> None:
    h = made([0.1, 0.7, 0.3])
    assert h.smoothed(width_s=0).tolist() == [0.1, 0.7, 0.3]
    assert h.smoothed("energy_j", 0).tolist() == [0.0, 7.0, 14.0]
    assert made([0.4]).smoothed(width_s=5.0).tolist() == [0.4]


def test_width_is_a_fortieth_of_the_horizon_wherever_the_run_ended() -> None:
    ended_early = made([0.1, 0.2], 10.0, horizon_s=800.0)
    assert ended_early.width_s == 800.0 / WIDTHS_PER_HORIZON == 20.0
    assert ended_early.smoothed().tolist() == ended_early.smoothed(width_s=20.0).tolist()
    with pytest.raises(ValueError, match="no horizon_s; allowed: a scenario with one"):
        History({}, ended_early.points, {}).best()


def test_time_to_is_never_earlier_than_half_a_window() -> None:
    assert made([0.5] * 11, 1.0).time_to(0.0, width_s=8.0) == 4.0
    assert made([0.5] * 11, 1.0).time_to(0.0, width_s=0) == 0.0


def test_time_to_agrees_on_coarse_and_fine_grids() -> None:
    """Read the same curve on two evaluation grids: the times differ by one tick at most."""
    horizon_s = 2_000.0

    def curve(t: np.ndarray) -> np.ndarray:
        return 0.9 * (1 - np.exp(-t / 300)) + 0.01 * np.sin(t / 40)

    def on_grid(evaluations: int) -> History:
        t = np.linspace(0, horizon_s, evaluations)
        return made(curve(t).tolist(), float(t[1]), horizon_s)

    coarse, fine = on_grid(61), on_grid(2_001)
    for target in np.arange(0.1, 0.85, 0.05):
        early, late = fine.time_to(float(target)), coarse.time_to(float(target))
        assert early is not None
        assert late is not None
        assert abs(late - early) <= horizon_s / 60


def test_time_to_reads_every_axis() -> None:
    h = made([0.0, 0.9, 0.0, 0.6, 0.6, 0.6])
    assert h.time_to(0.9, width_s=0) == 10.0  # one lucky point
    assert h.time_to(0.6, width_s=20.0) == 40.0  # ten seconds on either side
    assert h.time_to(0.6, "updates", 20.0) == 12.0
    assert h.time_to(0.95) is None


def test_best_and_final_read_the_smoothed_curve() -> None:
    h = made([0.0, 0.9, 0.0, 0.6, 0.6, 0.5])
    assert h.best(0) == 0.9
    assert h.best(20.0) == pytest.approx(0.575)
    assert h.final(width_s=20.0) == pytest.approx(0.55)
    assert h.final("updates", 0) == 15.0


def test_first_reached_agrees_with_time_to() -> None:
    h = made([0.0, 0.2, 0.4, 0.6])
    at = first_reached(h.points["sim_seconds"], h.smoothed(), 0.4, h.width_s)
    assert at is not None
    assert h.points["sim_seconds"][at] == h.time_to(0.4)
    assert first_reached([0.0, 1.0], [0.1, 0.2], 0.3, 0.0) is None


def test_level_is_the_mean_over_time_and_holds_the_last_value() -> None:
    assert made([0.0, 1.0, 1.0]).level() == pytest.approx(0.75)
    assert made([0.0, 1.0]).level(100.0) == pytest.approx(0.95)
    assert made([0.0, 1.0, 0.0]).level(5.0) == pytest.approx(0.25)
    assert made([0.3]).level() == 0.3


def test_levelled_off_separates_a_plateau_from_a_climb() -> None:
    assert made([0.1, 0.5, 0.8, *[0.8] * 17]).levelled_off()
    assert not made([k / 20 for k in range(20)]).levelled_off()


def test_history_save_and_load_are_inverse(tmp_path: Path) -> None:
    h = made([0.1, float("nan"), 0.123456789012345])
    again = History.load(h.save(tmp_path / "run.json"))
    pd.testing.assert_frame_equal(again.points, h.points)
    assert dict(again.facts) == dict(h.facts)
    assert dict(again.scenario) == dict(h.scenario)
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_history_save_is_atomic(tmp_path: Path) -> None:
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
def test_history_load_explains_a_wrong_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="allowed"):
        History.load(path)
    with pytest.raises(ValueError, match="cannot be read"):
        History.load(tmp_path / "absent.json")
    with pytest.raises(ValueError, match="does not exist"):
        made([0.1]).save(tmp_path / "no" / "x.json")


def test_history_explains_wrong_arguments() -> None:
    h = made([0.1, 0.2])
    with pytest.raises(ValueError, match="target = 80; allowed: a number from 0 to 1"):
        h.time_to(80)
    with pytest.raises(ValueError, match="Did you mean 'updates'"):
        h.time_to(0.1, "update")
    with pytest.raises(ValueError, match="width_s = -1"):
        h.smoothed(width_s=-1)


def test_faster_and_saved_give_shares() -> None:
    both = faster(100.0, 19.0)
    assert both["time_saved"] == pytest.approx(0.81)
    assert both["speed_gain"] == pytest.approx(100 / 19 - 1)
    assert faster(None, 3.0) == faster(3.0, None) == {"time_saved": None, "speed_gain": None}
    assert saved(100, 31) == pytest.approx(0.69)
    assert math.isnan(saved(0, 1))


def test_history_save_on_a_full_disk_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = made([0.5]).save(tmp_path / "run.json")
    before = target.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ftte_lab.simulation.history.write_atomic", full)
    with pytest.raises(ValueError, match=r"cannot be written \(No space left.*; allowed: "):
        made([0.1]).save(target)
    assert target.read_bytes() == before


def test_history_of_a_newer_kit_is_told_apart() -> None:
    text = made([0.5]).to_json().replace("ftte_lab history 1", "ftte_lab history 2")
    with pytest.raises(ValueError, match=r"'ftte_lab history 2'; allowed: .*Update the kit"):
        History.from_json(text)
