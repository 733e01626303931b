"""A student's masks carry all updates of a run: the sum is exact, a row shows nothing."""

import re
from typing import Any

import numpy as np
import pytest

from ftte_lab.course import check, lesson
from ftte_lab.course.exercises import lesson11
from ftte_lab.course.own_masks import ROWS, compared, in_fleet, nobody_lost, one_lost, picture
from ftte_lab.lab import Settings
from ftte_lab.server import STEP
from notebooks._build import course
from tests.course.answers import function_of, solution_of, source_of

CELL = course.answered(source_of("11c"))
MINE = function_of(CELL)


def changed(old: str, new: str) -> Any:
    """Return the answer with one expression replaced."""
    assert old in CELL
    return function_of(CELL.replace(old, new))


def stream(seed: int, entries: int) -> Any:
    return np.random.default_rng(seed).integers(0, 2**32, entries)


def test_model_under_a_students_masks_is_the_one_without() -> None:
    assert in_fleet(MINE) is None
    drawn = str(picture(MINE).spec()["datasets"])
    assert drawn.count("'masks, yours'") == drawn.count("'no masks'") > 5
    text = compared(MINE)
    mine, plain = (int(share) for share in re.findall(r"(\d+)\s%", text))
    assert plain > 80
    assert abs(mine - plain) <= 1
    assert float(re.findall(r"correlation of (\d\.\d+)", text)[0]) < 0.05


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("codes + shared if", "codes - shared if", "A mask stays in it"),
        ("% 2**32\n\n", "\n\n", "take them modulo 2**32"),
        ("np.rint(row * 2**16).astype(np.int64)", "np.rint(row * 2**16)", "whole numbers"),
        ("shared = stream(seed, len(row))", "shared = 0", "uses 0 of its 4 seeds"),
        ("seed in seeds.items():\n            shared", "seed in [*seeds.items()][:3]:\n            "
         "shared", "uses 3 of its 4 seeds"),
        ("codes = codes + shared if other > me else codes - shared", "pass", "without a mask"),
        ("total < 2**31, total", "total < 2**32, total", "stands for a negative one"),
        (") / 2**16", ")", "a step is 2**-16"),
        ("np.rint(row * 2**16)", "(row * 2**16)", "Round to the nearest step"),
        ("return codes", "return codes[1:]", "mask returns an array of shape (2,), not (3,)"),
        ("return np.where", "return 1 + 0 * np.where", "A mask stays in it"),
        ("return mask, read", "return mask", "two functions: mask, read"),
        ("total - shared if gone", "total + shared if gone", "device 2 of five lost"),
        ("lost.items()", "{}.items()", "device 2 of five lost"),
    ],
)  # fmt: skip
def test_wrong_mask_is_explained(old: str, new: str, words: str) -> None:
    assert words in check("11c", changed(old, new)).text


def test_either_sign_and_any_whole_type_are_right() -> None:
    other = CELL.replace("other > me", "other < me").replace("gone > place", "gone < place")
    assert nobody_lost(function_of(other)) is None
    assert one_lost(function_of(other)) is None
    assert nobody_lost(changed("codes % 2**32", "(codes % 2**32).astype(np.uint32)")) is None


def test_one_mask_for_all_is_not_enough() -> None:
    def same_for_all(stream: Any) -> Any:
        _, read = MINE(stream)
        return lambda row, me, seeds: (row + stream(1, len(row))).astype(int) % 2**32, read

    assert "Who knows these few" in check("11c", same_for_all).text


def test_what_is_no_function_is_refused_in_words() -> None:
    assert "Pass its name" in str(nobody_lost(3))
    assert "replace `raise" in check("11c", function_of(course.blank(source_of("11c")))).text


def test_server_that_lies_reads_a_row() -> None:
    """The stretch: a device that is called lost, and whose message is there, hides nothing."""
    mask, read = MINE(stream)
    seeds = {a: {b: 10 * min(a, b) + max(a, b) for b in range(5) if b != a} for a in range(5)}
    sent = {a: mask(np.array(ROWS[a]), a, seeds[a]) for a in range(5)}
    others = {a: message for a, message in sent.items() if a != 2}
    apart = read(sent, {}) - read(others, {2: seeds[2]})
    assert np.abs(apart - ROWS[2]).max() <= STEP


def test_promise_needs_z_a_buffer_many_devices_and_steps() -> None:
    four = Settings(lesson("11")).set(noise_multiplier=4.0)
    short = four.set(buffer=50)
    assert "z must be 4" in str(lesson11.no_promise(Settings(lesson("11"))))
    assert "clip norms long; at most 7" in str(lesson11.no_promise(four))
    assert "the largest ε is" in str(lesson11.no_promise(short))
    assert "it needs 20" in str(lesson11.no_promise(short.set(max_participations=5)))
    many = short.set(max_participations=5, clients=250)
    assert lesson11.no_promise(many) is None
    assert lesson11.largest_loss(many) == lesson11.largest_loss(many.set(clip_norm=1.0))


def test_answer_of_11d_is_checked() -> None:
    code, number, words = solution_of("11d")()
    assert check("11d", lambda: (code, number, words)).state == "passed"
    assert "Measure it again" in check("11d", lambda: (code, number + 1, words)).text
    assert "two sentences" in check("11d", lambda: (code, number, "Many devices.")).text
