"""Redraw the subset in phases: one for the whole fleet at a moment, all known before training.

A client trains the subset of the phase in which it starts. So a phase is to a participation what a
tier is to a client: the same columns and the same coverage of the server's row. Three things differ
(our reconstruction; the paper has one subset for the whole run):

* An update moves its own entries with its own weight, and counts as 0 in all others. While the last
  updates of a phase arrive, the old entries calm down as the new ones set out: a single late update
  never moves its entries as far as a full buffer would.
* The running average goes on as it is. Nothing is committed and nothing restarts at a boundary.
* A device downloads what has changed since its last visit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ftte_lab.devices import Fleet, Times, participation_times
from ftte_lab.models import Model, Plan, Subset, head, make_plan
from ftte_lab.server import Choice, Contributions, Neglect, Participants, Redraws, neglect_cap
from ftte_lab.simulation.traffic import Traffic


@dataclass(frozen=True, eq=False)
class Phases:
    """Hold what follows from the order of the subsets of a run.

    Attributes:
        at: shares of the run at which the subset is redrawn, `(phases - 1,)`.
        reached: of each phase, the plan of all that has been trained by its end.
        traffic: of each phase, the bytes of one message of each sort.
        download: by `(i, k)`, bytes of the entries of the phases i to k, for i up to k.
    """

    at: tuple[float, ...]
    reached: tuple[Plan, ...]
    traffic: tuple[Traffic, ...]
    download: Mapping[tuple[int, int], int]

    def __len__(self) -> int:
        return len(self.reached)

    @classmethod
    def of(
        cls,
        at: tuple[float, ...],
        plans: Sequence[Plan],
        traffic: Sequence[Traffic],
        download: Callable[[Subset], int],
    ) -> Phases:
        """Return the phases whose subsets follow one another.

        Args:
            at: shares of the run at which the subset is redrawn.
            plans: what is trained in each phase.
            traffic: of each phase.
            download: returns the bytes of a message with the entries of a subset.
        """
        model, phases = plans[0].model, range(len(plans))

        def since(i: int, k: int) -> Subset:
            return union_of(model, [plan.subset for plan in plans[i : k + 1]])

        reached = tuple(make_plan(model, since(0, k)) for k in phases)
        sizes = {(k, k): traffic[k].download for k in phases}
        sizes |= {(i, k): download(since(i, k)) for k in phases for i in range(k)}
        return cls(at, reached, tuple(traffic), sizes)

    def times(self, fleet: Fleet, flops: Sequence[int], oldest: int, phase: int) -> Times:
        """Return the seconds of a participation that downloads the phases `oldest` to `phase`.

        Args:
            fleet: who takes part.
            flops: floating-point operations of a participation in each phase.
            oldest: the first phase whose entries are downloaded.
            phase: what is trained.
        """
        return participation_times(
            fleet,
            download_bytes=self.download[oldest, phase],
            upload_bytes=self.traffic[phase].upload,
            flops=flops[phase],
        )

    def redraws(self, fleet: Fleet, flops: Sequence[int]) -> Redraws:
        """Return what the virtual clock needs to know of the later phases."""
        later = range(1, len(self))
        return Redraws(
            self.at,
            [self._participants(fleet, flops, phase) for phase in later],
            {(i, k): _download_s(fleet, self.download[i, k]) for k in later for i in range(k)},
            np.stack([_download_s(fleet, each.index) for each in self.traffic]),
        )

    def _participants(self, fleet: Fleet, flops: Sequence[int], phase: int) -> Participants:
        times, messages = self.times(fleet, flops, phase, phase), self.traffic[phase]
        first = (messages.once or messages.download) + messages.index
        return Participants(
            download_s=times.download_s,
            compute_s=times.compute_s,
            upload_s=times.upload_s,
            first_download_s=_download_s(fleet, first),
        )


def _download_s(fleet: Fleet, size: int) -> np.ndarray:
    return participation_times(fleet, download_bytes=size, upload_bytes=0, flops=0).download_s


def boundaries(phases: int, first_phase: float) -> tuple[float, ...]:
    """Return the shares of the run at which the subset is redrawn.

    Args:
        phases: how many subsets follow one another.
        first_phase: share of the run before the first redrawing; the rest is divided evenly.

    Example:
        >>> boundaries(4, 0.4)
        (0.4, 0.6, 0.8)
    """
    later = (1 - first_phase) / max(1, phases - 1)
    return tuple(round(first_phase + k * later, 12) for k in range(phases - 1))


def redrawn(
    model: Model,
    contributions: Contributions,
    first: Choice,
    search: Callable[[Contributions, int], Choice],
    phases: int,
) -> Iterator[Choice]:
    """Yield the choice of each phase: the first as it is, the others with gains that neglect grew.

    The predicted gain of each choice is that of the gains as they were measured.

    Args:
        model: the net.
        contributions: the gains as they were measured.
        first: the choice of the first phase.
        search: returns the choice for other gains; the number is that of the phase.
        phases: how many.
    """
    cap = neglect_cap(model.size, head(model).entries(model), first.subset.entries(model))
    neglect, choice = Neglect.none(model), first
    yield first
    for phase in range(1, phases):
        neglect = neglect.after(choice.subset)
        choice = search(neglect.reweighted(contributions, cap), phase)
        choice = replace(choice, value=contributions.value_of(choice.subset))
        yield choice


def union_of(model: Model, subsets: Sequence[Subset]) -> Subset:
    """Return the channels that are in any of the subsets.

    Example:
        >>> from ftte_lab.models import build
        >>> model = build("mlp", (1, 8, 8), 10)
        >>> one, other = Subset({"head.weight": (0, 3)}), Subset({"head.weight": (3, 5)})
        >>> union_of(model, [one, other]).parts
        {'head.weight': (0, 3, 5)}
    """
    parts = dict[str, tuple[int, ...] | None]()
    for name, info in model.tensors.items():
        chosen = [s.parts[name] for s in subsets if name in s]
        if chosen:
            every = set().union(*(range(info.channels) if c is None else c for c in chosen))
            parts[name] = None if len(every) == info.channels else tuple(sorted(every))
    return Subset(parts)
