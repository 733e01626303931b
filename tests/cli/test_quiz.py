"""The quiz: parallel forms, an even key, numbers of the kit, and files that platforms read."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ftte_lab.cli import main
from ftte_lab.cli import quiz_command as command_module
from ftte_lab.cli.course_list import STUDENT, course_files
from ftte_lab.cli.quiz_file import FORMS, LETTERS, SOURCE, gift, page, qti, read_quiz
from ftte_lab.course import LESSONS, lesson
from ftte_lab.course.exercises.lesson05 import slow_rounds
from ftte_lab.devices import CATALOGUE, training_bill
from ftte_lab.experiments import PRESETS
from ftte_lab.models import full
from ftte_lab.server import noise_to_clip
from ftte_lab.simulation import prepare

ROOT = Path(__file__).parents[2]
ITEMS: list[dict[str, Any]] = json.loads((ROOT / SOURCE).read_text(encoding="utf-8"))["items"]
ASKED = [(item["number"], form, item["forms"][form]) for item in ITEMS for form in FORMS]
GIVEN, WRONG = "given", "wrong"
GOES_WITHOUT = "10"  # the capstone is judged by what students hand in
TEXTS = {form: read_quiz(ROOT)[form] for form in FORMS}
Capture = pytest.CaptureFixture[str]


def lesson_bill() -> Any:
    model = prepare(lesson("03").run("fedavg")).federation.model
    return training_bill(model, full(model), lesson("03").scenario.batch)


def model_kib() -> float:
    return 4 * prepare(lesson("03").run("fedavg")).federation.model.size / 1024


def steps_of_notebook_02() -> tuple[int, int]:
    text = (ROOT / "notebooks" / "02_unlike_data.ipynb").read_text(encoding="utf-8")
    [(short, long)] = re.findall(r"rounds = \{(\d+): \d+, (\d+): \d+\} if size", text)
    return int(short), int(long)


def small_buffer_of_notebook_06() -> int:
    text = (ROOT / "notebooks" / "06_buffer.ipynb").read_text(encoding="utf-8")
    [small] = re.findall(r"small, large = \((\d+), \d+\) if size", text)
    return int(small)


def of_the_study(pattern: str) -> str:
    text = " ".join((ROOT / "docs" / "results.md").read_text(encoding="utf-8").split())
    [found] = re.findall(pattern, text)
    return str(found)


def share_in_words(share: float) -> str:
    return {0.5: "half", 0.25: "a quarter"}[round(share, 6)]


NUMBERS: Mapping[str, Callable[[], Any]] = {
    "full step, KiB": lambda: round(lesson_bill().peak_bytes / 1024),
    "inference on one, KiB": lambda: round(lesson_bill().inference_one_bytes / 1024),
    "model, KiB": lambda: round(model_kib()),
    "sensor, KiB": lambda: round(
        CATALOGUE["sensor"].ram_bytes * CATALOGUE["sensor"].app_memory_share / 1024,
    ),
    "FTTE's step, KiB": lambda: round(
        prepare(PRESETS["lab"].run("ftte")).bill.peak_bytes / 1024,
    ),
    "mean of 90 and 50": lambda: (10 * 90 + 30 * 50) // 40,
    "mean of 80 and 40": lambda: (20 * 80 + 60 * 40) // 80,
    "mean of three memories": lambda: round((256 + 512 + 1024) / 3),
    "short local work": lambda: steps_of_notebook_02()[0],
    "long local work": lambda: steps_of_notebook_02()[1],
    "slow rounds of 5 and 30": lambda: round(100 * slow_rounds(0.05, 30)),
    "slow rounds of 10 and 10": lambda: round(100 * slow_rounds(0.10, 10)),
    "buffer of the course": lambda: lesson("06").scenario.buffer,
    "small buffer": small_buffer_of_notebook_06,
    "age from 4 to 9": lambda: 9 - 4,
    "age from 7 to 10": lambda: 10 - 7,
    "noise of a quarter of the entries": lambda: share_in_words(
        noise_to_clip(4.0, 2_500, 10) / noise_to_clip(4.0, 10_000, 10),
    ),
    "bytes against the rival, %": lambda: of_the_study(
        r"time to the target, (\d+) % \([^)]*\) of the bytes",
    ),
}
"""What the numbers of the quiz are, by the name that the source gives them."""


@pytest.mark.parametrize(("number", "form", "asked"), ASKED)
def test_every_number_is_named_and_right(number: int, form: str, asked: dict[str, Any]) -> None:
    text = " ".join([asked["stem"], *asked["options"]])
    written = {found.rstrip(".,") for found in re.findall(r"\d[\d.,]*", text)}
    assert written == {word for word in asked["numbers"] if word[0].isdigit()}
    right = asked["options"][LETTERS.index(asked["key"])]
    for word, name in asked["numbers"].items():
        assert re.search(rf"(?<![\d.]){re.escape(word)}(?![\d])", text), word
        if name == WRONG:
            assert word not in right
        elif name != GIVEN:
            assert word == str(NUMBERS[name]()), name


def test_every_source_is_used() -> None:
    used = {name for _, _, asked in ASKED for name in asked["numbers"].values()}
    assert used == {*NUMBERS, GIVEN, WRONG}


def test_study_finds_what_question_16_claims() -> None:
    """Level: the middle half of the runs has zero in it, and is within a point."""
    gap = of_the_study(r"and ends (\S+ \(\S+ to \S+\)) points over it")
    middle, low, high = (float(x) for x in re.findall(r"[-+]\d+\.\d", gap))
    assert low < 0 < high
    assert max(abs(low), abs(middle), abs(high)) < 1


def test_study_finds_what_question_14_claims() -> None:
    """A strong weight by variance costs on clean fleets, and pays with faulty clients."""
    assert of_the_study(r"(A variance exponent of 1 costs more than a point there)\.")
    assert of_the_study(r"(The weight by variance pays with faulty clients): against noise")


def test_forms_are_parallel_and_cover_every_page() -> None:
    assert [item["number"] for item in ITEMS] == list(range(1, 21))
    for item in ITEMS:
        a, b = (item["forms"][form] for form in FORMS)
        assert a["stem"] != b["stem"]
        assert item["pages"] == sorted(item["pages"])
    pages = {number for item in ITEMS for number in item["pages"]}
    assert pages == set(LESSONS)
    assert [item["number"] for item in ITEMS if GOES_WITHOUT in item["pages"]] == [15]


@pytest.mark.parametrize("form", FORMS)
def test_no_letter_no_length_and_no_habit_is_a_good_guess(form: str) -> None:
    key = "".join(item["forms"][form]["key"] for item in ITEMS)
    assert Counter(key) == dict.fromkeys(LETTERS, 5)
    assert not re.search(r"(.)\1\1", key)
    longest = 0
    for item in ITEMS:
        asked = item["forms"][form]
        assert len(set(asked["options"])) == len(LETTERS)
        lengths = [len(option) for option in asked["options"]]
        right = lengths[LETTERS.index(asked["key"])]
        longest += right == max(lengths)
    assert longest <= 7
    other = "".join(item["forms"]["AB".replace(form, "")]["key"] for item in ITEMS)
    assert sum(a == b for a, b in zip(key, other, strict=True)) <= 7


def test_page_is_the_one_in_the_repository() -> None:
    text = (ROOT / "docs" / "teaching" / "quiz.md").read_text(encoding="utf-8")
    assert text == page(TEXTS), "run `ftte-lab quiz FOLDER` and copy quiz.md"


@pytest.mark.parametrize("form", FORMS)
def test_gift_has_every_question_with_one_right_option(form: str) -> None:
    text = gift(TEXTS[form], form)
    blocks = re.findall(r"^::(\w\d\d) .*?(?<!\\)\{\n(.*?)^\}$", text, re.M | re.S)
    assert [name for name, _ in blocks] == [f"{form}{k:02}" for k in range(1, 21)]
    for (_, block), one in zip(blocks, TEXTS[form], strict=True):
        marks = re.findall(r"^    ([=~])(.*)$", block, re.M)
        assert len(marks) == len(LETTERS)
        [right] = [k for k, (mark, _) in enumerate(marks) if mark == "="]
        assert LETTERS[right] == one.key
        assert [re.sub(r"\\(.)", r"\1", option) for _, option in marks] == list(one.options)


def parsed(content: bytes) -> Any:
    return ElementTree.fromstring(content)  # noqa: S314 - our own text


@pytest.mark.parametrize("form", FORMS)
def test_qti_package_is_complete_and_names_the_key(form: str) -> None:
    item = "{http://www.imsglobal.org/xsd/imsqti_v2p1}"
    package = "{http://www.imsglobal.org/xsd/imscp_v1p1}"
    content = qti(TEXTS[form], form)
    assert content == qti(TEXTS[form], form)
    with zipfile.ZipFile(io.BytesIO(content)) as files:
        names = set(files.namelist())
        manifest = parsed(files.read("imsmanifest.xml"))
        hrefs = [one.get("href") for one in manifest.iter(f"{package}resource")]
        assert {*hrefs, "imsmanifest.xml"} == names
        identifiers = {one.get("identifier") for one in manifest.iter(f"{package}resource")}
        wanted = {one.get("identifierref") for one in manifest.iter(f"{package}dependency")}
        assert len(wanted) == 20
        assert wanted < identifiers
        refs = [
            one.get("href")
            for one in parsed(files.read("test.xml")).iter(f"{item}assessmentItemRef")
        ]
        assert len(refs) == 20
        for href, one in zip(refs, TEXTS[form], strict=True):
            root = parsed(files.read(str(href)))
            assert root.tag == f"{item}assessmentItem"
            assert f"{root.get('identifier')}.xml" == href
            assert root.findtext(f".//{item}prompt") == one.stem
            choices = {c.get("identifier"): c.text for c in root.iter(f"{item}simpleChoice")}
            assert list(choices) == list(LETTERS)
            assert list(choices.values()) == list(one.options)
            assert root.findtext(f".//{item}correctResponse/{item}value") == one.key


def test_command_writes_all_forms(capsys: Capture, tmp_path: Path) -> None:
    assert main(["quiz", str(tmp_path / "für alle")]) == 0
    assert "quiz.md has the key" in capsys.readouterr().out
    names = sorted(path.name for path in (tmp_path / "für alle").iterdir())
    kinds = ("gift.txt", "qti.zip")
    assert names == ["quiz.md", *(f"quiz_{form}.{kind}" for form in FORMS for kind in kinds)]
    text = (tmp_path / "für alle" / "quiz_A.gift.txt").read_text(encoding="utf-8")
    assert text == gift(TEXTS["A"], "A")


def test_student_who_asks_for_the_quiz_gets_a_sentence(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(command_module, "course_source", lambda: tmp_path)
    assert main(["quiz", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == (
        f"ftte-lab: the folder {str(tmp_path)!r} has no docs/teaching/quiz.json; allowed: a "
        "checkout, or the kit from its wheel. Students do not get the quiz.\n"
    )


@pytest.mark.parametrize("damage", ["{", "[]", '{"format": "another"}'])
def test_damaged_source_is_refused_in_words(damage: str, tmp_path: Path) -> None:
    (tmp_path / SOURCE).parent.mkdir(parents=True)
    (tmp_path / SOURCE).write_text(damage, encoding="utf-8")
    with pytest.raises(ValueError, match="allowed: "):
        read_quiz(tmp_path)


def test_students_get_neither_questions_nor_key() -> None:
    names = course_files(ROOT, STUDENT)
    assert SOURCE not in names
    texts = [(ROOT / n).read_text(encoding="utf-8") for n in names if not n.endswith(".png")]
    for _, _, asked in ASKED:
        assert not any(asked["stem"] in text for text in texts)
