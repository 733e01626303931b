"""Write down a real run in the form of a timeline, so that it can be compared with a simulated one.

Times are virtual seconds: real ones, divided by how many real seconds a virtual one takes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ftte_lab.server import Fate, Policy, Timeline


@dataclass(eq=False)
class MeasuredTimeline:
    """Take down who started, arrived and was applied when.

    Attributes:
        policy: who waits for whom.
        client: of each participation; so are the next columns.
        visit: how many participations its client had before.
        version: the version that it started from.
        start_s: when it started.
        ends_s: when it had downloaded, computed and uploaded; expected until it has.
        fate: what became of it.
        applied: participations in the order in which they were applied.
        step_s: time of each server step.
        step_end: number of updates applied up to and including each step.
    """

    policy: Policy
    client: list[int] = field(default_factory=list)
    visit: list[int] = field(default_factory=list)
    version: list[int] = field(default_factory=list)
    start_s: list[float] = field(default_factory=list)
    ends_s: list[tuple[float, float, float]] = field(default_factory=list)
    fate: list[Fate] = field(default_factory=list)
    applied: list[int] = field(default_factory=list)
    step_s: list[float] = field(default_factory=list)
    step_end: list[int] = field(default_factory=list)

    def begin(
        self, client: int, version: int, at_s: float, expected_s: tuple[float, float, float]
    ) -> int:
        """Take down a start, with the seconds that each phase is expected to take."""
        self.visit.append(self.client.count(client))
        self.client.append(client)
        self.version.append(version)
        self.start_s.append(at_s)
        self.ends_s.append(_ends(at_s, expected_s))
        self.fate.append(Fate.RUNNING)
        return len(self.client) - 1

    def end(
        self, participation: int, fate: Fate, at_s: float, took_s: tuple[float, float, float]
    ) -> None:
        """Take down an end, with the seconds that each phase took by the node's clock.

        What the carrier took besides is divided evenly between the way down and the way up.
        """
        p, begin_s = participation, self.start_s[participation]
        down_s, compute_s, up_s = took_s
        carried_s = max(0.0, at_s - begin_s - down_s - compute_s - up_s) / 2
        downloaded_s = min(at_s, begin_s + down_s + carried_s)
        self.ends_s[p] = downloaded_s, min(at_s, downloaded_s + compute_s), at_s
        self.fate[p] = fate

    def step(self, members: list[int], at_s: float) -> None:
        """Take down a server step."""
        for p in members:
            self.fate[p] = Fate.APPLIED
        self.applied += members
        self.step_s.append(at_s)
        self.step_end.append(len(self.applied))

    def timeline(self, now_s: float) -> Timeline:
        """Return all that has happened until a moment."""
        count = len(self.client)
        client, visit = np.array(self.client, np.int64), np.array(self.visit, np.int64)
        applied, step_end = np.array(self.applied, np.int64), np.array(self.step_end, np.int64)
        size = np.diff(step_end, prepend=0)
        step, order = np.full(count, -1), np.full(count, -1)
        step[applied] = np.repeat(np.arange(len(size)), size)
        order[applied] = np.arange(len(applied)) - np.repeat(step_end - size, size)
        fate = np.array(self.fate, np.int8)
        ends_s = np.array(self.ends_s, np.float64).reshape(count, 3)
        ends_s[:, 2] = np.where(fate == Fate.RUNNING, ends_s[:, 2].clip(now_s), ends_s[:, 2])
        return Timeline(
            policy=self.policy,
            end_s=now_s,
            client=client,
            visit=visit,
            version=np.array(self.version, np.int64),
            start_s=np.array(self.start_s, np.float64),
            downloaded_s=ends_s[:, 0],
            computed_s=ends_s[:, 1],
            arrival_s=ends_s[:, 2],
            fate=fate,
            step=step,
            order=order,
            applied=applied,
            step_s=np.array(self.step_s, np.float64),
            step_end=step_end,
            redrawn=np.empty(0, np.int64),
            oldest=np.zeros(count, np.int8),
            indexed=np.array(visit == 0, np.int32),
        )


def _ends(at_s: float, took_s: tuple[float, float, float]) -> tuple[float, float, float]:
    down_s, compute_s, up_s = took_s
    return at_s + down_s, at_s + down_s + compute_s, at_s + down_s + compute_s + up_s
