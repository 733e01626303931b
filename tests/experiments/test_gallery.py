"""The gallery: eight fleets that run, each with a question that its numbers can answer."""

import math
from typing import Any

import pytest

from ftte_lab.experiments import GALLERY, PRESETS, Comparison, Entry, gallery
from ftte_lab.simulation import AXES, run

NAMES = list(GALLERY)


def shortened(entry: Entry) -> Comparison:
    """The same fleet, links and levers; a short run of a few of its devices."""
    s = entry.comparison.scenario
    few = min(12, s.clients)
    changes: dict[str, Any] = {"clients": few, "concurrency": 6, "buffer": 3, "evaluations": 5}
    return entry.comparison.set(**changes, samples_per_client=8, max_updates=12)


def test_gallery_holds_eight_fleets_with_one_question_each() -> None:
    assert len(GALLERY) == 8
    for name, entry in GALLERY.items():
        assert name == entry.title.lower()
        assert entry.question.endswith("?")
        assert entry.question.count("?") == 1
        assert entry.about.endswith(".")
        assert entry.about.count(". ") == 0
        assert entry.comparison.about == entry.about


@pytest.mark.parametrize("name", NAMES)
def test_a_fleet_has_the_levers_and_rates_of_the_lab(name: str) -> None:
    ours, lab = gallery(name).comparison, PRESETS["lab"]
    assert ours.own == lab.own
    assert ours.rates == lab.rates
    assert ours.scenario.warm_start_steps == 0
    ftte = ours.run("ftte")
    assert (ftte.micro_batch, ftte.server_average) == ("auto", 0.95)
    assert {"fedavg", "ftte"} < set(ours.methods)


@pytest.mark.parametrize("name", NAMES)
def test_a_fleet_runs_and_shows_what_its_question_asks(name: str) -> None:
    entry = gallery(name)
    few = shortened(entry)
    over, metric = entry.view.get("over", "sim_seconds"), entry.view.get("metric", "accuracy")
    assert over in AXES
    for scenario in few.runs().values():
        history = run(scenario)
        assert metric in history.points.columns
        assert all(math.isfinite(value) for value in history.points[over])
        assert history.points[metric].notna().any()


def test_an_unknown_fleet_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="hospital wards"):
        gallery("hospital")
