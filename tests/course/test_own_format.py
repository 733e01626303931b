"""A student's messages carry all updates of a run: short and exact ones pass, no others."""

import re
from typing import Any

import numpy as np
import pytest

from ftte_lab import prepare
from ftte_lab.course import check, digits_read, lesson
from ftte_lab.course.exercises import lesson01, lesson09
from ftte_lab.course.own_format import by_hand, compared, fleet, in_fleet, picture
from ftte_lab.lab import Settings
from ftte_lab.models import RowFormat, flatten_trained
from notebooks._build import course
from tests.course.answers import function_of, solution_of, source_of

CELL = course.answered(source_of("09c"))
MINE = function_of(CELL)
SEEDS = range(10, 15)


def changed(old: str, new: str) -> Any:
    """Return the answer with one expression replaced."""
    assert old in CELL
    return function_of(CELL.replace(old, new))


def test_message_is_the_librarys_to_the_byte() -> None:
    prepared = fleet(8)
    federation, subset = prepared.federation, prepared.plan.subset
    row = flatten_trained(federation.model, subset, federation.params)
    form = RowFormat.of(federation.model, subset, 8, names=False)
    pack, unpack = MINE([int(size) for size in form.sizes])
    assert pack(row.numpy()) == form.pack(row)
    assert np.array_equal(unpack(pack(row.numpy())), form.unpack(form.pack(row)).numpy())


def test_run_through_a_students_messages_ends_where_float32_does() -> None:
    assert in_fleet(MINE) is None
    drawn = str(picture(MINE).spec()["datasets"])
    assert drawn.count("'8 bits, yours'") == drawn.count("'32 bits'") > 5
    text = compared(MINE)
    assert f"An update has {fleet(8).traffic.upload:,} bytes" in text
    mine, plain = (int(share) for share in re.findall(r"(\d+)\s%", text))
    assert plain > 85
    assert abs(mine - plain) <= 2


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("/ 127", "/ 128", "the sign turns"),
        ("np.abs(tensor)", "np.abs(row)", "One scale for all tensors"),
        ("np.float32).tobytes", "np.float64).tobytes", "the message has 21 bytes; 4 for each"),
        ("np.rint(tensor / scale)", "np.rint(tensor / scale / 2)", "It may differ by one step"),
        ("np.repeat(scales, sizes) * codes", "codes / np.repeat(scales * 0, sizes)", "nan"),
        ("np.repeat(scales, sizes) * codes", "codes[1:]", "an array of shape (4,), not (5,)"),
        (".astype(np.int8).tobytes()", ".astype(np.int8).tobytes()[1:]", "raised ValueError"),
        ("return header +", "return [header] +", "TypeError"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_wrong_message_is_explained(old: str, new: str, words: str) -> None:
    assert words in check("09c", changed(old, new)).text


def test_server_reads_the_message_and_nothing_else() -> None:
    def keeps_the_row(sizes: list[int]) -> Any:
        kept: list[Any] = []

        def pack(row: Any) -> bytes:
            kept.append(row)
            return b""

        return pack, lambda message: kept[-1]

    assert "IndexError" in check("09c", keeps_the_row).text


def test_what_is_no_pair_of_functions_is_refused() -> None:
    with pytest.raises(ValueError, match="two functions: pack, unpack"):
        by_hand(lambda sizes: b"")
    assert "Pass its name" in str(by_hand(3))
    assert "a message is bytes" in str(by_hand(lambda sizes: (list, list)))
    assert "replace `raise" in check("09c", function_of(course.blank(source_of("09c")))).text


def test_rounding_to_eight_bits_hides_less_than_a_digit() -> None:
    for seed in SEEDS:
        plain = lesson("09").set(seed=seed, local_steps=1)
        shown = [
            digits_read(prepare(plain.set(payload_bits=bits).run("fedavg"))) for bits in (32, 8)
        ]
        assert shown[0] > 4
        assert abs(shown[0] - shown[1]) < 1


def test_digits_are_read_off_a_dense_first_layer_only() -> None:
    frozen = lesson("09").set(budget_kib=36.0, solver="last").run("ftte")
    convolution = lesson("04", "ci").run("fedavg")
    for scenario in (frozen, convolution):
        with pytest.raises(ValueError, match="allowed: a dense layer's weight"):
            digits_read(prepare(scenario))


def test_other_settings_and_numbers_do_not_pass() -> None:
    settings = Settings(lesson("09"))
    assert "must have 8 bits" in str(lesson09.hides_them(settings))
    assert "find settings with 6" in str(lesson09.hides_them(settings.set(payload_bits=8)))
    code, number, words = solution_of("09d")()
    assert "Measure it again" in check("09d", lambda: (code, number + 1, words)).text


def test_first_average_can_lose_and_the_tenth_wins() -> None:
    settings = Settings(lesson("01"))
    assert "points above the phones' mean" in str(lesson01.averages_well(settings))
    assert "points below the phones' mean" in str(lesson01.averages_well(settings.set(seed=4)))
    code, number, words = solution_of("01d")()
    assert "Measure it again" in check("01d", lambda: (code, -number, words)).text
