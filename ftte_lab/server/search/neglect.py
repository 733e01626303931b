"""Let the worth of a channel grow while nobody trains it: how a subset is redrawn during a run.

    z_c     phases since channel c was last trained; 0 while it is trained, and before the first
    a_c     1 + z_c
    v(k)    (sum over a tensor's first k channels of g_c · a_c) ** exponent
            + B · sum over those of them that are overdue of (1 + z_c - cap)

A channel is overdue once z_c reaches the cap. Overdue channels come first in their tensor, then the
others by g_c · a_c. B is the worth of training everything, so one overdue channel outweighs all
that is not overdue: it is trained in the next phase, unless the overdue ones do not fit together.
Without a cap a few good channels could come again and again, and others never.

Our reconstruction, after the random redrawing of TraDy (arXiv 2510.19675) and the layers in turn of
FedPart (arXiv 2410.11559). The gains are measured once, because the worth of a layer hardly changes
during training (TraDy). So all subsets are known before the run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ftte_lab._common import integer, number
from ftte_lab.models import Model, Subset
from ftte_lab.server.search.problem import Contributions, power

ROUNDS = 2
"""How often everything could have been trained until a channel is overdue."""


@dataclass(frozen=True)
class Neglect:
    """Count for how many phases each channel has not been trained.

    Attributes:
        phases: by tensor, one count per channel; a vector (gain or bias) has one.

    Example:
        >>> from ftte_lab.models import Subset, build
        >>> model = build("mlp", (1, 8, 8), 2)
        >>> later = Neglect.none(model).after(Subset({"head.weight": (0, 1), "head.bias": None}))
        >>> later.phases["head.weight"][:3], later.after(Subset({})).phases["head.bias"]
        ((0, 0, 1), (1,))
    """

    phases: Mapping[str, tuple[int, ...]]

    @classmethod
    def none(cls, model: Model) -> Neglect:
        """Return the counts before the first phase: zeros."""
        return cls({name: (0,) * info.channels for name, info in model.tensors.items()})

    def after(self, subset: Subset) -> Neglect:
        """Return the counts after a phase that trained a subset."""
        counts = {}
        for name, before in self.phases.items():
            trained = subset.parts.get(name, ())
            inside = range(len(before)) if trained is None else set(trained)
            counts[name] = tuple(0 if c in inside else z + 1 for c, z in enumerate(before))
        return Neglect(counts)

    def reweighted(self, contributions: Contributions, cap: float) -> Contributions:
        """Return the gains that the next search sees, and the order of the channels.

        Args:
            contributions: the gains as they were measured.
            cap: phases after which a channel is overdue, at least 1; infinite for none.

        Raises:
            ValueError: a cap below 1.
        """
        if cap != math.inf:
            cap = number("cap", cap, 1, fix="0 would make what is trained overdue")
        grown = {
            name: [_grown(g, z) for g, z in zip(contributions.channel_gains(name), zs, strict=True)]
            for name, zs in self.phases.items()
        }
        p = contributions.exponent
        everything = sum(power(math.fsum(map(abs, each)), p) for each in grown.values())
        order, gain = {}, {}
        for name, counts in contributions.gain.items():
            late = [max(0.0, 1.0 + z - cap) * (everything or 1.0) for z in self.phases[name]]
            first = _first(contributions.order.get(name, (0,)), late, grown[name])
            if name in contributions.order:
                order[name] = first
            gain[name] = {
                k: power(math.fsum(grown[name][c] for c in first[:k]), p)
                + math.fsum(late[c] for c in first[:k])
                for k in counts
            }
        channel = {name: tuple(each) for name, each in grown.items()}
        return Contributions(contributions.measure, order, gain, channel, p)


def _grown(gain: float, phases: int) -> float:
    """Return the gain of a channel that was neglected for some phases; a loss stays as it is."""
    return gain * (1 + phases) if gain > 0 else gain


def _first(order: tuple[int, ...], late: list[float], gain: list[float]) -> tuple[int, ...]:
    """Return channels by how overdue they are, then by gain, then as they were."""
    return tuple(sorted(order, key=lambda c: (-late[c], -gain[c])))


def neglect_cap(entries: int, head: int, trained: int) -> float:
    """Return after how many phases a channel is overdue.

    `2 · ceil((d - h) / (d_0 - h))`: twice as many as would train everything once. The classifier is
    in every subset, and the rest takes turns.

    Args:
        entries: d, of the model.
        head: h, those of the classifier.
        trained: d_0, those of one subset; infinitely many phases if it is the classifier alone.

    Raises:
        ValueError: a number of entries that is no integer, or negative.

    Source: our reconstruction.

    Example:
        >>> neglect_cap(entries=1000, head=50, trained=250)
        10
        >>> neglect_cap(entries=1000, head=50, trained=50)
        inf
    """
    entries, head = integer("entries", entries, 1), integer("head", head, 0)
    trained = integer("trained", trained, 0)
    if trained <= head:
        return math.inf
    return ROUNDS * -(-(entries - head) // (trained - head))
