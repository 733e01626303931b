"""Cut a net into the segments that recomputation runs again.

Instead of everything that the backward rules need, a device keeps the input of each segment. The
backward pass then runs a segment again, saves what its rules need, and walks back through it. The
idea is that of Chen et al. 2016 (arXiv 1604.06174); the cuts at blocks are our reconstruction.
"""

from __future__ import annotations

from ftte_lab.models import Conv, Fork, Join, Linear, Model, Plan


def segments(model: Model) -> tuple[range, ...]:
    """Return the operations of each segment, from input to output.

    A segment is a block; outside of blocks it is a convolution or linear map with the norm,
    rectifier and pool behind it. A residual block is never cut.

    Example:
        >>> from ftte_lab.models import build
        >>> model = build("cnn", (1, 8, 8), 10)
        >>> [model.ops[one[0]].name for one in segments(model)]
        ['conv1', 'conv2', 'conv3', 'head']
    """
    starts: list[int] = []
    block, inside = "", False
    for i, op in enumerate(model.ops):
        name = op.name.split(".")[0]
        if isinstance(op, Conv | Linear | Fork) and not inside and (not starts or name != block):
            starts.append(i)
            block = name
        inside = isinstance(op, Fork) or (inside and not isinstance(op, Join))
    starts = [0, *starts[1:]]
    ends = [*starts[1:], len(model.ops)]
    return tuple(range(a, b) for a, b in zip(starts, ends, strict=True))


def segments_again(model: Model) -> tuple[range, ...]:
    """Return the segments that recomputation may run again: all but the last.

    The backward pass begins with the last one, so what its rules need is kept at once.
    """
    return segments(model)[:-1]


def recompute_flops(plan: Plan) -> int:
    """Return the floating-point operations of one sample that recomputation adds.

    They are the forward passes of the segments that the backward pass reaches, without the last.

    Example:
        >>> from ftte_lab.models import build, full, head, make_plan
        >>> model = build("mlp", (1, 8, 8), 10)
        >>> plan = make_plan(model, full(model))
        >>> recompute_flops(plan), recompute_flops(make_plan(model, head(model)))
        (12384, 0)
        >>> plan.forward_flops()
        13024
    """
    reached = [one for one in segments_again(plan.model) if plan.needs_output_gradient(one[-1])]
    return sum(plan.model.ops[i].flops() for one in reached for i in one)
