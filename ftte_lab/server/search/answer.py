"""Check what a solver returned, and complete it: the subset, its counts, its predicted gain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftte_lab._common import choice, require
from ftte_lab.models import Subset, validated_subset
from ftte_lab.server.search.problem import Counts, Problem


@dataclass(frozen=True)
class Answer:
    """Hold what a solver chose.

    Attributes:
        subset: what is trained.
        counts: channels trained, by tensor.
        value: predicted gain.
    """

    subset: Subset
    counts: Counts
    value: float


def checked(problem: Problem, solver: str, returned: Any) -> Answer:
    """Require a choice that is offered, holds what is required and fits from a solver.

    A solver returns how many channels of each tensor train, then the best ones do. Or it returns a
    `Subset` and chooses the channels itself, any number of them; its value is then predicted from
    the gains of single channels.

    Raises:
        ValueError: anything else.
    """
    head = f"solver {solver!r}"
    if isinstance(returned, Subset):
        subset = _own_channels(problem, head, returned)
        model = problem.memory.model
        counts = {name: subset.channel_count(model, name) for name in subset.parts}
        value = problem.contributions.value_of(subset)
    else:
        counts = _offered(problem, head, returned)
        subset, value = problem.contributions.subset(counts), problem.value(counts)
    _check_required(problem, head, counts)
    _check_layers(problem, head, counts)
    _check_limits(problem, head, counts)
    return Answer(subset, counts, value)


def _own_channels(problem: Problem, head: str, subset: Subset) -> Subset:
    """Require a subset of the model, and return it in its plain form."""
    try:
        parts = {
            name: None if part is None else tuple(int(k) for k in part)
            for name, part in subset.parts.items()
        }
        return validated_subset(problem.memory.model, Subset(parts))
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{head} returned a subset: {error}") from error


def _offered(problem: Problem, head: str, returned: Any) -> Counts:
    """Require channels by tensor that the problem offers, and return those that train."""
    allowed = "a dict: channels to train, by tensor; or a Subset"
    require(isinstance(returned, Mapping), f"{head} returned {type(returned).__name__}", allowed)
    counts: Counts = {}
    for name, count in returned.items():
        choice(f"{head}: tensor", name, problem.contributions.gain)
        offered = (0, *problem.offered(name))
        if name in problem.required:
            offered = (problem.required[name],)
        allowed = ", ".join(str(n) for n in offered)
        require(count in offered, f"{head} returned {count!r} channels of {name!r}", allowed)
        if count:
            counts[name] = int(count)
    return counts


def _check_required(problem: Problem, head: str, counts: Counts) -> None:
    missing = [name for name, count in problem.required.items() if counts.get(name) != count]
    fix = "Start from dict(problem.required)"
    allowed = "one with the complete classifier"
    require(not missing, f"{head} returned a choice without {missing[:1]}", allowed, fix)


def _check_layers(problem: Problem, head: str, counts: Counts) -> None:
    """With granularity `layer`, require that a layer trains completely or not at all."""
    if problem.granularity == "channel":
        return
    tensors = problem.memory.model.tensors
    for unit in problem.units:
        missing = [name for name in unit if counts.get(name, 0) < tensors[name].channels]
        nothing = not any(name in counts for name in unit)
        given = f"{head} returned a part of a layer, without all of {missing[:1]}"
        allowed = f"all of {', '.join(unit)}, or nothing of them"
        require(not missing or nothing, given, allowed, "Or use granularity = 'channel'")


def _check_limits(problem: Problem, head: str, counts: Counts) -> None:
    given = f"{head} returned a choice of {problem.peak(counts):,} bytes"
    limits = f"at most {problem.budget_bytes:,} bytes"
    if problem.max_entries is not None:
        given += f" and {problem.entries(counts):,} parameters"
        limits += f" and {problem.max_entries:,} parameters"
    require(problem.fits(counts), given, limits, "Ask problem.fits before you return")
