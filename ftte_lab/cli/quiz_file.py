"""The quiz: one source, two parallel forms, and the formats that learning platforms read.

GIFT is what Moodle imports. QTI 2.1, a zip with one XML file per question, is read by Canvas,
Blackboard, OpenOlat and others. The questions themselves are no part of the library: they are in
`docs/teaching/quiz.json`, which only a teacher gets.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ftte_lab._common import is_file, read_json, require

FORMS = ("A", "B")
"""Both ask for the same goals: one before the class, the other after it."""

LETTERS = "abcd"
"""Names of the options."""

SOURCE = "docs/teaching/quiz.json"
"""The questions, below the folder of the course or of the repository."""

_FORMAT = "ftte_lab quiz 1"
_ITEM = "http://www.imsglobal.org/xsd/imsqti_v2p1"
_PACKAGE = "http://www.imsglobal.org/xsd/imscp_v1p1"
_MATCH = "http://www.imsglobal.org/question/qti_v2p1/rptemplates/match_correct"
_MOMENT = (2026, 1, 1, 0, 0, 0)  # equal questions make an equal zip


@dataclass(frozen=True)
class Question:
    """One question of one form.

    Attributes:
        number: from 1.
        pages: of the course, such as "06".
        goal: what it asks for, in a few words.
        stem: the question.
        options: one for each letter.
        key: letter of the right one.
        because: why it is right, in a sentence.
    """

    number: int
    pages: tuple[str, ...]
    goal: str
    stem: str
    options: tuple[str, ...]
    key: str
    because: str


def read_quiz(folder: Path) -> dict[str, list[Question]]:
    """Return the questions of both forms.

    Args:
        folder: of the course or the repository.

    Raises:
        ValueError: the questions are not there, or are no quiz.
    """
    path = folder / SOURCE
    require(
        is_file(path),
        f"the folder {str(folder)!r} has no {SOURCE}",
        "a checkout, or the kit from its wheel",
        "Students do not get the quiz",
    )
    content = read_json(path.read_bytes(), "the quiz", f"{SOURCE} of the kit")
    require(content.get("format") == _FORMAT, "this is no quiz", f"{SOURCE} of the kit")
    return {form: [_question(item, form) for item in content["items"]] for form in FORMS}


def _question(item: Mapping[str, Any], form: str) -> Question:
    asked = item["forms"][form]
    return Question(
        number=item["number"],
        pages=tuple(item["pages"]),
        goal=item["goal"],
        stem=asked["stem"],
        options=tuple(asked["options"]),
        key=asked["key"],
        because=item["because"],
    )


def gift(questions: Sequence[Question], form: str) -> str:
    r"""Return a form as GIFT, the text format of Moodle.

    Example:
        >>> one = Question(1, ("00",), "sum", "1 + 1 = ?", ("1", "2"), "b", "Count.")
        >>> print(gift([one], "A"))
        $CATEGORY: ftte_lab quiz A
        <BLANKLINE>
        ::A01 sum::1 + 1 \= ? {
            ~1
            =2
            ####Count.
        }
        <BLANKLINE>
    """
    blocks = [f"$CATEGORY: ftte_lab quiz {form}\n"]
    for one in questions:
        options = zip(LETTERS, one.options, strict=False)
        lines = [
            f"    {'=' if letter == one.key else '~'}{_gift(text)}" for letter, text in options
        ]
        head = f"::{form}{one.number:02} {_gift(one.goal)}::{_gift(one.stem)} {{"
        blocks.append("\n".join([head, *lines, f"    ####{_gift(one.because)}", "}\n"]))
    return "\n".join(blocks)


def _gift(text: str) -> str:
    """Escape what has a meaning in GIFT."""
    return re.sub(r"([~=#{}:\\])", r"\\\1", text)


def qti(questions: Sequence[Question], form: str) -> bytes:
    """Return a form as QTI 2.1: a zip with a manifest, a test, and one file per question."""
    names = [f"{form}{one.number:02}" for one in questions]
    files = {"imsmanifest.xml": _manifest(names, form), "test.xml": _test(names, form)}
    files |= {f"{name}.xml": _item(one, name) for name, one in zip(names, questions, strict=True)}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        for name, root in files.items():
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            ElementTree.indent(root)
            text = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
            package.writestr(entry, text)
    return content.getvalue()


def _element(name: str, parent: Any = None, text: str = "", **attributes: str) -> Any:
    """Make an element below another; an underscore in front keeps a name off Python's words."""
    named = {key.lstrip("_"): value for key, value in attributes.items()}
    made = ElementTree.Element(name, named)
    made.text = text or None
    if parent is not None:
        parent.append(made)
    return made


def _item(one: Question, name: str) -> Any:
    root = _element(
        "assessmentItem",
        xmlns=_ITEM,
        identifier=name,
        title=one.goal,
        adaptive="false",
        timeDependent="false",
    )
    right = _element(
        "responseDeclaration",
        root,
        identifier="RESPONSE",
        cardinality="single",
        baseType="identifier",
    )
    _element("value", _element("correctResponse", right), one.key)
    _element("outcomeDeclaration", root, identifier="SCORE", cardinality="single", baseType="float")
    choices = _element(
        "choiceInteraction",
        _element("itemBody", root),
        responseIdentifier="RESPONSE",
        shuffle="false",
        maxChoices="1",
    )
    _element("prompt", choices, one.stem)
    for letter, text in zip(LETTERS, one.options, strict=False):
        _element("simpleChoice", choices, text, identifier=letter)
    _element("responseProcessing", root, template=_MATCH)
    return root


def _test(names: Sequence[str], form: str) -> Any:
    title = f"ftte_lab quiz {form}"
    root = _element("assessmentTest", xmlns=_ITEM, identifier=f"quiz-{form}", title=title)
    modes = {"navigationMode": "nonlinear", "submissionMode": "simultaneous"}
    part = _element("testPart", root, identifier="part", **modes)
    section = _element("assessmentSection", part, identifier="all", title=title, visible="true")
    for name in names:
        _element("assessmentItemRef", section, identifier=name, href=f"{name}.xml")
    return root


def _manifest(names: Sequence[str], form: str) -> Any:
    root = _element("manifest", xmlns=_PACKAGE, identifier=f"ftte_lab-quiz-{form}")
    metadata = _element("metadata", root)
    _element("schema", metadata, "QTIv2.1 Package")
    _element("schemaversion", metadata, "1.0.0")
    _element("organizations", root)
    resources = _element("resources", root)
    kinds = [("test", "imsqti_test_xmlv2p1"), *((name, "imsqti_item_xmlv2p1") for name in names)]
    for name, kind in kinds:
        file = f"{name}.xml"
        one = _element("resource", resources, identifier=f"r-{name}", _type=kind, href=file)
        _element("file", one, href=file)
        for other in names if name == "test" else ():
            _element("dependency", one, identifierref=f"r-{other}")
    return root


def page(quiz: Mapping[str, Sequence[Question]]) -> str:
    """Return both forms and their keys as a page in Markdown, to print or to read aloud."""
    lines = ["# Quiz", "", *_ABOUT]
    for form, questions in quiz.items():
        lines += ["", f"## Form {form}"]
        for one in questions:
            lines += ["", f"**{form}{one.number}.** {one.stem}", ""]
            options = zip(LETTERS, one.options, strict=False)
            lines += [f"- ({letter}) {text}" for letter, text in options]
    lines += ["", "## Key", "", "| question | goal | pages | A | B | because |", "|" + " --- |" * 6]
    for a, b in zip(*quiz.values(), strict=True):
        pages = ", ".join(a.pages)
        lines.append(f"| {a.number} | {a.goal} | {pages} | {a.key} | {b.key} | {a.because} |")
    return "\n".join(lines) + "\n"


_ABOUT = (
    "For instructors. Twenty questions in two parallel forms: give one before the class, and the",
    "other after it. Equal numbers ask for the same goal. `ftte-lab quiz FOLDER` writes this page,",
    "and both forms as GIFT and as QTI 2.1. The source is `quiz.json`.",
)
