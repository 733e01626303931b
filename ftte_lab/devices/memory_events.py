"""List the events of a training step, each as a sum of `bytes x decision` terms.

An event is the forward or backward pass of one operation; its terms are the tensors alive in it.
`backward.py` is the code that this file models. Joins, forks and rectifiers have no event of their
own: they work in place, and the event of the operation next to them is never smaller. The one
exception is a rectifier at the end of a segment that is run again.

A step in micro-batches has the events of its last and largest part, in which all accumulators are
alive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ftte_lab.devices.accounting import Accounting
from ftte_lab.devices.local_step import LocalStep
from ftte_lab.devices.memory_terms import Decision, Term, Terms
from ftte_lab.devices.segments import segments
from ftte_lab.models import Conv, Fork, Join, Linear, Model, ReLU, consumer


@dataclass(frozen=True)
class Row:
    """Hold one event and the terms that sum to what is alive in it."""

    event: str
    terms: tuple[Term, ...]


def training_rows(model: Model, accounting: Accounting, step: LocalStep) -> Iterator[Row]:
    """Yield the events of one training step in order: forward passes, the loss, backward passes."""
    cut = segments(model) if step.recompute else (range(len(model.ops)),)
    t = Terms(model, accounting, step, cut)
    always = tuple(t.always())
    yield from _forward_rows(t, always)
    yield from _backward_rows(t, always)


def _forward_rows(t: Terms, always: tuple[Term, ...]) -> Iterator[Row]:
    """Forward passes and the loss: what was saved so far, and what the operation needs."""
    stored: list[Term] = []
    for segment in t.segments:
        again = t.runs_again(segment)
        for i in segment:
            if _has_event(t, i):
                kept = _own_input(t, i) if again else ()
                alive = (*always, *stored, *kept, *t.forward(i, saves=not again))
                yield Row(f"forward {t.model.ops[i].name}", alive)
            if not again:
                stored += t.stored(i)
        stored += t.stored_inputs(segment)
    logits = t.entries((t.model.classes,)) * 4
    yield Row("loss", (*always, *stored, Term("transient", "loss", None, 2.0 * logits)))


def _own_input(t: Terms, i: int) -> Iterator[Term]:
    """Input of the segment that will be run again, in the first run of its operation `i`.

    Its first operation has it as its input, and a residual branch that waits is the same tensor.
    """
    segment = t.segment_of[i]
    first = segment[0] + isinstance(t.model.ops[segment[0]], Fork)
    if i > first and t.forks.get(i) != segment[0]:
        yield from t.stored_inputs(segment)
    elif i > first:
        for term in t.stored_inputs(segment):
            yield term
            yield term._replace(category="transient", bytes=-term.bytes)


def _backward_rows(t: Terms, always: tuple[Term, ...]) -> Iterator[Row]:
    """Backward passes: what is still saved, the gradients so far, and what the operation needs."""
    grads: list[Term] = []
    loss = Term("transient", "loss", None, 4.0)
    dropped = t.accounting.fused or t.step.accumulates
    for segment in reversed(t.segments):
        below = [
            term for one in t.segments if one[-1] < segment[0] for term in t.stored_inputs(one)
        ]
        if t.runs_again(segment):
            yield from _again_rows(t, segment, (*always, *below, *grads, loss))
        for i in reversed(segment):
            op = t.model.ops[i]
            own = list(t.gradients(i))
            if not dropped:
                grads += own
            if not _has_event(t, i):
                continue
            stored = [term for j in range(segment[0], i + 1) for term in t.stored(j)]
            held = own if dropped else grads
            alive = (*always, *below, *stored, *held, loss, *t.backward(i))
            if isinstance(op, Conv) and op.depthwise:
                yield Row(f"backward {op.name} weight", (*alive, *t.copied_gradient(op)))
            yield Row(f"backward {op.name}", (*alive, *t.input_gradient(i)))


def _again_rows(t: Terms, segment: range, alive: tuple[Term, ...]) -> Iterator[Row]:
    """Forward passes of a segment that is run again, while the gradient of its output waits.

    If the gradient does not reach the segment, nothing of this happens: every term is 0 then.
    """
    last = t.model.ops[segment[-1]]
    reach = Decision("reach", segment[-1])
    waiting = Term("transient", last.name, reach, t.gradient(last.out_shape))
    stored: list[Term] = []
    for i in segment:
        name = f"again {t.model.ops[i].name}"
        if _has_event(t, i):
            yield Row(name, (*alive, waiting, *stored, *_if(reach, t.forward(i, saves=True))))
        stored += t.stored(i)
    if isinstance(last, ReLU):
        output = Term("transient", last.name, reach, t.activation(last.out_shape))
        yield Row(f"again {last.name}", (*alive, waiting, *stored, output))


def _if(decision: Decision, terms: Iterable[Term]) -> Iterator[Term]:
    """Make terms that are always alive depend on a decision."""
    for term in terms:
        yield term._replace(decision=decision) if term.decision is None else term


def _has_event(t: Terms, i: int) -> bool:
    return not isinstance(t.model.ops[i], Fork | Join | ReLU)


def mask_links(model: Model) -> Iterator[tuple[int, str | None]]:
    """Yield each rectifier with the weight behind it.

    If all channels of that weight train, the rectifier needs no mask of its own.
    """
    for i, op in enumerate(model.ops):
        if isinstance(op, ReLU):
            after = model.ops[consumer(model, i)]
            yield i, after.weight if isinstance(after, Conv | Linear) else None
