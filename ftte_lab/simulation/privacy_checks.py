"""Refuse what would break the promise of a clip, of noise or of masks, each in one sentence."""

from __future__ import annotations

import math
from typing import Any

from ftte_lab._common import require
from ftte_lab.server import CORRECTIONS, LARGEST_GROUP, LEAST_GROUP, STEP

# Field, the values that are right, and why another one is not.
_CLIPPED: tuple[tuple[str, tuple[Any, ...], str], ...] = (
    (
        "normalise",
        ("count",),
        "Divided by the sum of the weights, one device would change the part of every other",
    ),
    (
        "combine",
        ("updates",),
        "Models are divided by the sum of their weights, which one device changes for all",
    ),
    (
        "mean",
        ("weighted",),
        "One device may move a median or a trimmed mean by more than its clipped part",
    ),
    (
        "subset_per",
        ("fleet",),
        "Each entry would be divided by the weights of those who trained it",
    ),
)
_MASKED: tuple[tuple[str, tuple[Any, ...], str], ...] = (
    ("combine", ("updates",), "The masked row of a device is its weighted update"),
    ("mean", ("weighted",), "A median or a trimmed mean needs every single update"),
    ("subset_per", ("fleet",), "The masks of a group cover the same entries"),
    ("phases", (1,), "Late updates of another phase have other entries than their group"),
    ("payload_bits", (32,), "Under a mask an entry takes 32 bits, whatever it was before"),
)
_PRIVATE: tuple[tuple[str, tuple[Any, ...], str], ...] = (
    ("subset_per", ("fleet",), "All devices share the same entries and keep the same ones"),
    ("phases", (1,), "A part that is trained in one phase only would grow old on its device"),
)


def check_privacy(s: Any) -> None:
    """Check the settings of privacy against all others.

    Raises:
        ValueError: the first setting that would break what clip, noise or masks promise.
    """
    if s.clip_norm is None:
        needs = "clip_norm = a number"
        fix = "Noise is measured in clip norms"
        given = f"noise_multiplier = {s.noise_multiplier:g} with clip_norm = None"
        require(s.noise_multiplier == 0, given, needs, fix)
        given, fix = "adaptive_clip with clip_norm = None", "It begins with that norm"
        require(not s.adaptive_clip, given, needs, fix)
    else:
        _check_fields(s, f"clip_norm = {s.clip_norm:g}", _CLIPPED)
    if s.secure_aggregation:
        _check_fields(s, "secure_aggregation", _MASKED)
        _check_group(s)
    if s.clip_norm is not None or s.secure_aggregation:
        _check_both(s, "secure_aggregation" if s.clip_norm is None else "clip_norm")
    if s.private is not None:
        _check_fields(s, f"private = {s.private!r}", _PRIVATE)
        require(
            not CORRECTIONS[s.correction].keeps_state,
            f"private = {s.private!r} with correction = {s.correction!r}",
            "'none' or 'proximal'",
            "Variates are as long as what is trained, and the server would read the private part",
        )


def _check_fields(s: Any, part: str, table: tuple[tuple[str, tuple[Any, ...], str], ...]) -> None:
    for name, right, why in table:
        value = getattr(s, name)
        allowed = " or ".join(f"{name} = {one!r}" for one in right)
        require(value in right, f"{part} with {name} = {value!r}", allowed, why)


def updates_per_step(s: Any) -> int:
    """Return the capacity of the buffer; over-selection shrinks a cohort.

    Args:
        s: a scenario.
    """
    return max(1, round(s.concurrency / (1 + s.over_select))) if s.buffer is None else s.buffer


def _check_group(s: Any) -> None:
    updates = updates_per_step(s)
    require(
        LEAST_GROUP <= updates <= LARGEST_GROUP,
        f"secure_aggregation with {updates} updates per server step",
        f"{LEAST_GROUP} to {LARGEST_GROUP}",
        "A sum of one update hides nothing, and the keys grow with the square of the group",
    )


def _check_both(s: Any, part: str) -> None:
    """Refuse what neither clip nor masks can hold."""
    require(
        s.variance != "buffer" or s.variance_exponent == 0,
        f"{part} with variance = 'buffer'",
        "'entries' or 'steps'",
        "The distance of an update from the others cannot be known before they are added",
    )
    correction = CORRECTIONS[s.correction]
    require(
        not correction.keeps_state and correction.messages == 1,
        f"{part} with correction = {s.correction!r}",
        "'none' or 'proximal'",
        "The server's state would carry single updates on, neither clipped nor masked",
    )
    updates = updates_per_step(s)
    require(
        updates <= s.clients,
        f"{part} with {updates} updates per server step",
        f"at most {s.clients}, the number of clients",
        "A device may be in a buffer only once: lower the buffer",
    )


def clip_under_masks(clip_norm: float, entries: int) -> float:
    """Return the norm to which a device clips, so that its row is no longer after its rounding.

    Args:
        clip_norm: C, which the account of privacy counts on.
        entries: of the row; rounding to steps of 2^-16 adds at most half a step to each.
    """
    return clip_norm - math.sqrt(entries) * STEP / 2


def check_fleet(s: Any, eligible: int, entries: int) -> None:
    """Check the settings of privacy against the devices that take part, and what they train.

    Args:
        s: a scenario.
        eligible: how many devices take part.
        entries: how many entries they train.

    Raises:
        ValueError: a buffer that never fills, or a clip that the rounding under masks exceeds.
    """
    if s.clip_norm is None and not s.secure_aggregation:
        return
    updates = updates_per_step(s)
    require(
        updates <= eligible or s.refill == "step",
        f"buffer = {updates} with {eligible} devices that take part",
        f"at most {eligible}",
        "A device may be in a buffer only once: lower the buffer",
    )
    if s.clip_norm is not None and s.secure_aggregation:
        least = 2 * (s.clip_norm - clip_under_masks(s.clip_norm, entries))
        require(
            s.clip_norm >= least,
            f"clip_norm = {s.clip_norm:g} under masks",
            f"at least {least:.3g}",
            "Rounding to steps of 2^-16 would be most of an update",
        )
