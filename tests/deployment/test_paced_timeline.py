"""The clock of a free run without processes: the carrier delays jobs, and the protocol holds."""

import numpy as np
import pytest

from ftte_lab import prepare
from ftte_lab.deployment import paced_timeline
from ftte_lab.server import Fate
from tests.tiny import TINY

FREE = TINY.replace(jitter=0.0, dropout=0.0)


def test_every_job_takes_what_its_device_and_the_carrier_take() -> None:
    prepared = prepare(FREE.as_method("fedbuff"))
    for carrier_s in (0.0, 2.5):
        timeline = paced_timeline(prepared, carrier_s)
        later = (timeline.visit > 0) & (timeline.fate == Fate.APPLIED)
        took = (timeline.arrival_s - timeline.start_s)[later]
        expected = prepared.times.total_s[timeline.client[later]] + carrier_s
        assert len(took) >= 3
        np.testing.assert_allclose(took, expected)


def test_a_carrier_costs_updates_and_two_calls_agree() -> None:
    prepared = prepare(FREE.as_method("fedbuff"))
    counts = [len(paced_timeline(prepared, s).applied) for s in (0.0, 0.0, 5.0)]
    assert counts[0] == counts[1] > counts[2] > 0


def test_a_server_that_starts_too_many_calls_the_late_ones_off() -> None:
    scenario = FREE.as_method("fedavg").replace(buffer=None, over_select=0.5)
    timeline = paced_timeline(prepare(scenario))
    counts = timeline.counts()
    assert len(timeline.step_s) > 1
    assert set(np.diff(timeline.step_end, prepend=0)) == {4}
    assert counts["aborted"] == 2 * len(timeline.step_s)


def test_wanted_updates_end_it() -> None:
    scenario = FREE.as_method("fedbuff")
    scenario = scenario.replace(max_updates=2 * (scenario.buffer or 0))
    assert len(paced_timeline(prepare(scenario)).step_s) == 2


@pytest.mark.parametrize("carrier_s", [-1.0, float("inf"), float("nan")])
def test_a_carrier_without_a_time_is_refused(carrier_s: float) -> None:
    with pytest.raises(ValueError, match="carrier_s"):
        paced_timeline(prepare(FREE.as_method("fedbuff")), carrier_s)
