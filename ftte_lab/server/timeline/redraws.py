"""Redraw the trained subset during a run: when, and what a participation takes from then on.

Semantics (our reconstruction; the paper has one subset for the whole run):

* The subset is redrawn at the first server step that reaches a given share of the run. So all that
  start from one version train one subset, that of their phase. It stays theirs however late they
  arrive.
* A device keeps the model. It downloads what its phase trains, and with it all that has changed
  since its last visit: the entries of every phase from the oldest of which an update was applied
  since then. Its first visit downloads everything.
* The index of a phase travels once to each device, with the first message that needs it.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ftte_lab._common import require
from ftte_lab.server.timeline.participants import Participants

MOST_PHASES = 20
"""A run has at most so many phases: the table of downloads grows with their square."""


@dataclass(frozen=True, eq=False)
class Redraws:
    """State when the subset is redrawn, and what a participation takes in each later phase.

    Attributes:
        at: shares of the run, rising, each above 0 and below 1, `(R,)`. The run has come as far as
            the larger of two shares: virtual time of the horizon, and steps of `max_steps`.
        participants: of each later phase, `(R,)`: the first download with its index, the download
            of its own entries, compute and upload. Drop-out and eligibility are read of the first
            phase alone.
        catch_up_s: by `(i, k)`, i below k: seconds to download the entries of the phases i to k,
            `(clients,)`.
        index_s: seconds to download the index of each phase, `(R + 1, clients)`.

    Raises:
        ValueError: shares out of range or order, or arrays that do not fit.
    """

    at: tuple[float, ...]
    participants: Sequence[Participants]
    catch_up_s: Mapping[tuple[int, int], ArrayLike]
    index_s: ArrayLike

    def __post_init__(self) -> None:
        later = len(self.at)
        rising = all(a < b for a, b in zip((0.0, *self.at), (*self.at, 1.0), strict=True))
        require(rising, f"at = {self.at}", "rising shares between 0 and 1")
        require(later < MOST_PHASES, f"{later + 1} phases", f"at most {MOST_PHASES}")
        fits = len(self.participants) == later and len(np.asarray(self.index_s)) == later + 1
        require(fits, f"{len(self.participants)} later phases, {later} shares", "equally many")
        pairs = {(i, k) for k in range(1, later + 1) for i in range(k)}
        problem = f"catch_up_s has {len(self.catch_up_s)} entries"
        require(set(self.catch_up_s) == pairs, problem, f"{len(pairs)}, one per pair of phases")
        clients = {np.size(one.download_s) for one in self.participants}
        for seconds in (*self.catch_up_s.values(), *np.asarray(self.index_s, np.float64)):
            column = np.asarray(seconds, np.float64)
            fits = column.ndim == 1 and {column.size} == (clients or {column.size})
            fits = fits and bool(((column >= 0) & np.isfinite(column)).all())
            require(
                fits, f"seconds of shape {column.shape}", "finite, from 0 upwards, one per client"
            )


class Visits:
    """Follow along the clock which phase it is, and what each device has of the model.

    Args:
        redraws: when the subset is redrawn.
        participants: of the first phase.

    Attributes:
        phase: the present one.
        redrawn: first version of each later phase, as far as the run came.
        oldest: by participation, the first phase whose entries it downloads.
        indexed: by participation, bit k: it downloads the index of phase k.
        download_s: by participation, seconds of its download without jitter.
    """

    def __init__(self, redraws: Redraws, participants: Participants) -> None:
        self.redraws = redraws
        self.phase = 0
        self.redrawn = array("q")
        self.oldest, self.indexed, self.download_s = array("b"), array("q"), array("d")
        columns = [one.columns for one in (participants, *redraws.participants)]
        self._first = [column[0].tolist() for column in columns]
        self._catch_up: dict[tuple[int, int], list[float]] = {
            (k, k): column[1].tolist() for k, column in enumerate(columns)
        }
        self._compute = [column[2].tolist() for column in columns]
        self._upload = [column[3].tolist() for column in columns]
        self._index = np.asarray(redraws.index_s, np.float64).tolist()
        self._changed = [0] * len(columns)  # the newest version with an update of each phase
        self._seen = [-1] * len(self._first[0])  # the version of each client's last visit
        self._known = [0] * len(self._first[0])  # the indices that each client has, as bits

    @property
    def compute_s(self) -> list[float]:
        """Return the seconds that each client computes in the present phase."""
        return self._compute[self.phase]

    @property
    def upload_s(self) -> list[float]:
        """Return the seconds that each client uploads in the present phase."""
        return self._upload[self.phase]

    def download(self, client: int, version: int) -> float:
        """Note a visit, and return the seconds of its download, those of indices included."""
        phase, seen = self.phase, self._seen[client]
        if seen < 0:
            oldest, new = phase, 1 << phase
            seconds = self._first[phase][client]
        else:
            since = (i for i in range(phase) if self._changed[i] > seen)
            oldest = next(since, phase)
            new = (2 << phase) - (1 << oldest) & ~self._known[client]
            seconds = self._catch_up_s(oldest, phase)[client]
            for k in range(oldest, phase + 1):
                if new >> k & 1:
                    seconds += self._index[k][client]
        self._seen[client] = version
        self._known[client] |= new
        self.oldest.append(oldest)
        self.indexed.append(new)
        self.download_s.append(seconds)
        return seconds

    def stepped(self, started: Sequence[int], version: int, share: float) -> None:
        """Note a server step, and redraw the subset if it is time.

        Args:
            started: the versions from which its updates started.
            version: that the step has made.
            share: how far the run has come, 0 to 1.
        """
        for phase in set(np.searchsorted(self.redrawn, started, side="right").tolist()):
            self._changed[phase] = version
        while self.phase < len(self.redraws.at) and share >= self.redraws.at[self.phase]:
            self.phase += 1
            self.redrawn.append(version)

    def durations(
        self, version: NDArray[np.int64], client: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return download, compute and upload of participations in seconds, without jitter."""
        phase = np.searchsorted(self.redrawn, version, side="right")
        compute, upload = np.array(self._compute), np.array(self._upload)
        return np.array(self.download_s), compute[phase, client], upload[phase, client]

    def _catch_up_s(self, oldest: int, phase: int) -> list[float]:
        key = (oldest, phase)
        if key not in self._catch_up:
            self._catch_up[key] = np.asarray(self.redraws.catch_up_s[key], np.float64).tolist()
        return self._catch_up[key]
