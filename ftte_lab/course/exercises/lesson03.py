"""Exercises of lesson 03: an activation, the largest batch that fits, and the bill of a net."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ftte_lab.course.belongings import put_back
from ftte_lab.course.exercise import Agrees, Exercise
from ftte_lab.course.findings import Found, kept
from ftte_lab.devices import measure_peak, training_bill
from ftte_lab.lab import Settings
from ftte_lab.models import build, full
from ftte_lab.simulation import prepare


def stored_bytes(batch: int, channels: int, length: int) -> int:
    """Return the bytes of one stored float32 activation."""
    return 4 * batch * channels * length


def stored_numbers(batch: int, channels: int, length: int) -> int:
    """Return numbers instead of bytes: a common mistake."""
    return batch * channels * length


def bytes_of_one_sample(batch: int, channels: int, length: int) -> int:
    """Return the bytes of one sample instead of the batch: a common mistake."""
    return 4 * channels * length


def largest_batch(peak_bytes: Any, budget_bytes: int) -> int:
    """Return the largest batch whose peak stays within the budget, 0 if none does."""
    batch = 0
    while batch < 1024 and peak_bytes(batch + 1) <= budget_bytes:
        batch += 1
    return batch


def first_batch_too_large(peak_bytes: Any, budget_bytes: int) -> int:
    """Return the smallest batch that does not fit: a common mistake."""
    return largest_batch(peak_bytes, budget_bytes) + 1


def peak_of_a_small_net(batch: int) -> int:
    """Return an invented peak: a fixed part, and a part that grows with the batch."""
    return 150_000 + 42_000 * batch


def peak_of_a_tiny_net(batch: int) -> int:
    """Return an invented peak with a small fixed part."""
    return 9_000 + 1_000 * batch


BUDGETS = [
    (peak_of_a_small_net, 256 * 1024),
    (peak_of_a_small_net, 512 * 1024),
    (peak_of_a_small_net, 150_000),
    (peak_of_a_tiny_net, 17_000),
    (peak_of_a_tiny_net, 16_999),
]

Layers = Sequence[tuple[int, int]]


def my_peak(layers: Layers, batch: int) -> int:
    """Return the peak of a training step of a dense net: the fullest moment, in bytes."""
    held = 4 * sum(inputs * outputs + outputs for inputs, outputs in layers)
    held += 4 * batch * layers[0][0] + 8 * batch
    saved = [0] + [4 * batch * inputs for inputs, _ in layers[1:]]
    moments = []
    for k, (_, outputs) in enumerate(layers):
        moments.append(held + saved[k] + 4 * batch * outputs)
        held += saved[k]
    moments.append(held + 2 * 4 * batch * layers[-1][1])
    held += 4
    for k, (inputs, outputs) in reversed(list(enumerate(layers))):
        held += 4 * (inputs * outputs + outputs)
        moments.append(held + 4 * batch * outputs + saved[k])
        held -= saved[k]
    return max(moments)


def everything_at_once(layers: Layers, batch: int) -> int:
    """Add up all that is ever alive: a common mistake."""
    weights = 8 * sum(inputs * outputs + outputs for inputs, outputs in layers)
    moving = sum(inputs + outputs for inputs, outputs in layers)
    return weights + 8 * batch * moving + 8 * batch


def without_gradients(layers: Layers, batch: int) -> int:
    """Forget the gradients of the weights: a common mistake."""
    held = 4 * sum(inputs * outputs + outputs for inputs, outputs in layers)
    held += 4 * batch * layers[0][0] + 8 * batch + 4
    saved = [0] + [4 * batch * inputs for inputs, _ in layers[1:]]
    ends = [sum(saved[: k + 1]) + saved[k] + 4 * batch * n for k, (_, n) in enumerate(layers)]
    return held + max(ends)


NETS = [
    ([(64, 64), (64, 32), (32, 10)], 8),
    ([(64, 64), (64, 32), (32, 10)], 200),
    ([(4, 64), (64, 32), (32, 3)], 1),
    ([(768, 64), (64, 32), (32, 6)], 32),
    ([(5, 3)], 2),
]
INPUTS = (((1, 8, 8), 10), ((6, 128), 6), ((1, 16, 16), 20))


def against_the_library(answer: Any) -> str | None:
    """Compare a student's bill with the library's and with a step that is run; to the byte."""
    for shape, classes in INPUTS:
        model = build("mlp", shape, classes)
        layers = [(math.prod(shape), 64), (64, 32), (32, classes)]
        for batch in (1, 8, 32):
            bill = training_bill(model, full(model), batch).peak_bytes
            given = Agrees(lambda *_, bill=bill: bill, [(layers, batch)])(answer)
            if given is not None:
                return f"the library's bill differs: {given}"
    with put_back():  # to measure sets seeds, which is no doing of the student's
        measured = measure_peak(model, full(model), batch)
    return None if measured == bill else f"a real step held {measured} bytes, the bill is {bill}."


SENSOR_KIB = 256


def complete_kib(settings: Settings) -> float:
    """Return the KiB of a step that trains everything, as FedAvg's does."""
    scenario = settings.comparison.set(warm_start_steps=0).run("fedavg")
    return prepare(scenario).bill.peak_bytes / 1024


def does_not_fit(settings: Settings) -> str | None:
    """Return why settings do not answer the question of 03d, or `None`."""
    kib = complete_kib(settings)
    if kib > SENSOR_KIB:
        return f"there FedAvg's step still holds {kib:.0f} KiB; a sensor has {SENSOR_KIB}."
    return None


EXERCISES = {
    "03a": Exercise(
        title="bytes of a stored activation",
        tests=[Agrees(stored_bytes, [(8, 16, 64), (1, 3, 128), (16, 32, 32)])],
        hints=[
            "One number for each sample of the batch, each channel and each place along the "
            "signal.",
            "float32: four bytes each.",
        ],
        shows="It grows with the batch. Weights do not. "
        "That is why training can fail where inference fits.",
        mistakes={
            "Those are numbers, not bytes: a float32 takes four.": stored_numbers,
            "Every sample of the batch is stored, not only one.": bytes_of_one_sample,
        },
    ),
    "03b": Exercise(
        title="the largest batch that fits",
        tests=[Agrees(largest_batch, BUDGETS)],
        hints=[
            "`peak_bytes` is a function. Call it: `peak_bytes(1)`, `peak_bytes(2)`, …",
            "Count up while the next batch still fits: "
            "`while peak_bytes(batch + 1) <= budget_bytes:`.",
            "Begin at 0: it is the answer where not even one sample fits.",
        ],
        shows="You know it before anything is trained: no trial, no crash.",
        mistakes={
            "That is one too many: return the last batch that fits, "
            "not the first that does not.": first_batch_too_large,
        },
    ),
    "03c": Exercise(
        title="build the memory bill",
        points=3,
        tests=[Agrees(my_peak, NETS), against_the_library],
        hints=[
            "Keep one number: what is alive now. It begins with weights, batch and labels.",
            "Forward, layer by layer: note what is alive with input and output. "
            "Then keep the input, and go on.",
            "Backward, from the last layer: add the gradients of its weights, and note what is "
            "alive. Then let its input go.",
            "The bill is the largest number that you noted. The loss is a moment, too.",
        ],
        shows="Your bill is the library's to the byte, for nine nets and batches. A step that was "
        "run and measured here held exactly that.",
        mistakes={
            "Not all of this is alive at once: the peak is one moment.": everything_at_once,
            "The gradients of the weights are missing. "
            "They stay until the end of the step.": without_gradients,
        },
    ),
    "03d": Exercise(
        title="everything trained on a sensor",
        tests=[Found("03", ("micro_batch", "recompute", "seed"), complete_kib, does_not_fit, 0.01)],
        hints=[
            "The gradient of a batch is a sum over its samples. Must all of them pass at once?",
            "Turn the micro-batch in the Lab. The number is FedAvg's bar in the memory chart.",
        ],
        shows="The same step, in a fraction of the memory. Your sentences are kept for your "
        "teacher.",
        keeps=kept,
    ),
}
