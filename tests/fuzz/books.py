"""What must hold of every run: the books of weights, ages, bytes, arrivals and the record."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import numpy as np

from ftte_lab.models import Params, RowFormat, flatten_trained
from ftte_lab.server import CORRECTIONS, Fate, Masker, masked_message
from ftte_lab.simulation import (
    Evaluated,
    Finished,
    History,
    Prepared,
    Ready,
    Scenario,
    Stepped,
    prepare,
    simulate,
)

RISING = (
    "sim_seconds",
    "version",
    "updates",
    "upload_bytes",
    "download_bytes",
    "first_download_bytes",
    "index_bytes",
    "total_bytes",
    "energy_j",
)


class RefusedError(Exception):
    """The kit refused a scenario, in the words of the message."""


def record_of(history: History) -> str:
    """Return the digest of a run's record: equal records have equal digits everywhere."""
    return hashlib.sha256(history.to_json().encode()).hexdigest()


def audited(scenario: Scenario, processes: int = 1) -> History:
    """Run a scenario and check its books.

    Raises:
        RefusedError: the kit refused it, in words.
        AssertionError: the books do not balance, or the refusal is no sentence.
    """
    try:
        ready = prepare(scenario)
    except ValueError as error:
        check_sentence(str(error))
        raise RefusedError(str(error)) from error
    check_timeline(ready)
    events = list(simulate(ready, processes=processes))
    assert isinstance(events[0], Ready)
    last = events[-1]
    assert isinstance(last, Finished)
    steps = [event for event in events if isinstance(event, Stepped)]
    points = [event.point for event in events if isinstance(event, Evaluated)]
    for step in steps:
        check_weights(scenario, step)
    check_arrivals(ready, steps, last.history)
    check_points(ready, points)
    check_bytes(ready, last.history)
    check_record(last.history, points)
    check_finite(last.params)
    return last.history


def check_sentence(text: str) -> None:
    """A refusal is short, in one line, and says what is allowed."""
    assert "\n" not in text, text
    assert "allowed" in text, text
    assert text.endswith((".", "?")), text
    assert len(text) < 500, text


def check_timeline(ready: Prepared) -> None:
    """Nothing happens after the horizon, nobody is in two places, and nothing counts twice."""
    t, s = ready.timeline, ready.scenario
    assert t.end_s <= s.horizon_s
    assert len(np.unique(t.applied)) == len(t.applied)
    assert (np.diff(t.step_s) >= 0).all()
    assert (t.step_s <= t.end_s).all()
    assert (t.start_s < s.horizon_s).all()
    assert (t.arrival_s[t.applied] <= t.step_s[t.step[t.applied]]).all()
    assert (t.version[t.applied] <= t.step[t.applied]).all()
    assert (t.staleness >= 0).all()
    if s.max_staleness is not None:
        assert (t.staleness <= s.max_staleness).all()
    assert sum(t.counts().values()) == len(t)
    assert ready.eligible[t.client].all()
    order = np.lexsort((t.start_s, t.client))
    same = t.client[order][1:] == t.client[order][:-1]
    assert (t.start_s[order][1:][same] >= t.freed_s[order][:-1][same]).all()
    assert (t.concurrency_at(t.start_s) <= s.concurrency).all()
    taken = np.bincount(t.client[t.applied], minlength=s.clients)
    np.testing.assert_array_equal(ready.participations, taken)
    if s.max_participations is not None:
        assert taken.max() <= s.max_participations
    if s.clip_norm is not None or s.secure_aggregation:
        pairs = list(zip(t.step[t.applied].tolist(), t.client[t.applied].tolist(), strict=True))
        assert len(set(pairs)) == len(pairs)


def check_weights(s: Scenario, step: Stepped) -> None:
    """The weights of a step are finite, none is negative, and they add up as `normalise` says."""
    weights = step.weights
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()
    assert (step.ages >= 0).all()
    assert np.isfinite(step.variances).all()
    assert len(weights) == len(step.clients) == len(step.ages)
    if s.normalise == "sum" or s.combine != "updates":
        assert math.isclose(weights.sum(), 1.0, rel_tol=1e-9) or not weights.any()
    elif s.sample_exponent == 0:
        assert weights.sum() <= 1 + 1e-9


def check_arrivals(ready: Prepared, steps: list[Stepped], history: History) -> None:
    """Each applied arrival was averaged or rejected, once."""
    counted = sum(len(step.clients) + sum(step.rejected.values()) for step in steps)
    assert counted == len(ready.timeline.applied)
    assert [step.version for step in steps] == list(range(1, len(ready.timeline.step_s) + 1))
    total: dict[str, int] = {}
    for step in steps:
        for reason, count in step.rejected.items():
            total[reason] = total.get(reason, 0) + count
    assert history.facts["rejected_updates"] == total
    assert history.facts["fates"] == ready.timeline.counts()


def check_points(ready: Prepared, points: list[Any]) -> None:
    """Costs only rise, shares lie between 0 and 1, and no point lies behind the horizon."""
    assert points[0]["sim_seconds"] == 0
    assert points[0]["version"] == 0
    for name in RISING:
        column = np.array([point[name] for point in points])
        assert (np.diff(column) >= 0).all(), name
        assert (column >= 0).all(), name
    assert points[-1]["sim_seconds"] <= ready.scenario.horizon_s
    for point in points:
        parts = ("upload_bytes", "download_bytes", "first_download_bytes", "index_bytes")
        assert point["total_bytes"] == sum(point[name] for name in parts)
        for name, value in point.items():
            if "accuracy" in name or name in ("survival", "faulty_weight"):
                assert math.isnan(value) or 0 <= value <= 1, name


def check_bytes(ready: Prepared, history: History) -> None:
    """The bytes up are those of the real messages that arrived until the last point."""
    s, t, model = ready.scenario, ready.timeline, ready.federation.model
    lengths = []
    for tier in ready.tiers.tiers:
        form = RowFormat.of(model, tier.sent.subset, s.payload_bits, names=s.payload_names)
        row = flatten_trained(model, tier.sent.subset, ready.federation.params)
        lengths.append(CORRECTIONS[s.correction].messages * len(form.pack(row)))
        if s.secure_aggregation:
            lengths[-1] = masked_length(np.append(row.numpy(), [1.0, 1.0]))
    came = np.isin(t.fate, (Fate.APPLIED, Fate.BUFFERED, Fate.STALE))
    came &= t.arrival_s <= history.points["sim_seconds"].iloc[-1]
    sent = (np.array(lengths)[ready.tier] * times_sent(ready))[came].sum()
    assert history.points["upload_bytes"].iloc[-1] == sent


def masked_length(row: np.ndarray) -> int:
    """Return the bytes that a device sends for a masked row: the message and its public key."""
    pair = Masker(), Masker()
    keys = [one.public for one in pair]
    return len(masked_message(row, pair[0], keys)) + len(keys[0])


def times_sent(ready: Prepared) -> np.ndarray:
    """Count how often each update is sent: again if its group lost a device, under masks."""
    t, times = ready.timeline, np.ones(len(ready.timeline), int)
    gone = np.sort(t.arrival_s[t.fate == Fate.DROPPED])
    before = -np.inf
    for j, now in enumerate(t.step_s if ready.scenario.secure_aggregation else ()):
        if np.searchsorted(gone, now, "right") > np.searchsorted(gone, before, "right"):
            times[t.buffer_of(j)] = 2
        before = now
    return times


def check_record(history: History, points: list[Any]) -> None:
    """The record is strict JSON, holds what was reported, and comes back as it was."""
    text = history.to_json()
    json.loads(text, parse_constant=_refuse)
    again = History.from_json(text)
    assert again.to_json() == text
    assert Scenario.from_dict(again.scenario) == Scenario.from_dict(history.scenario)
    for name in points[0]:
        reported = np.array([point[name] for point in points])
        np.testing.assert_array_equal(again.points[name].to_numpy(float), reported)


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


def check_finite(params: Params) -> None:
    """The model holds numbers."""
    for name, value in params.items():
        assert bool(value.isfinite().all()), name
