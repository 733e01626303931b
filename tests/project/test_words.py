"""Plain English, in two parts.

Words of an old house dialect stay away from names, docstrings and comments. What students and
instructors read has short sentences, no riddles, and a link where a term of the field comes first.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from tests.project.sentences import length, literals, plain, sentences, unlinked

ROOT = Path(__file__).parents[2]
DIALECT = ("told", "said", "desk", "company", "anew", "mend", "mended", "lone")
TOKENS = (
    tokenize.NAME,
    tokenize.STRING,
    tokenize.COMMENT,
    getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING),
)
# Words that files of students already hold, by the module that reads them.
KEPT = {"ftte_lab/course/progress.py": ["said"]}
PHRASES = ("give away", "laid by", "as soon again")
SOURCES = sorted(
    path
    for folder in ("ftte_lab", "benchmarks", "docs", "notebooks")
    for suffix in ("*.py", "*.js")
    for path in (ROOT / folder).rglob(suffix)
)


def words(text: str) -> list[str]:
    """Split text and identifiers into lower-case words: `giveAway`, `give_away`, `GIVE`."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text)]


def dialect(text: str) -> list[str]:
    """Return the dialect words and phrases of a text."""
    found = words(text)
    line = " ".join(found)
    phrases = [phrase for phrase in PHRASES if re.search(rf"\b{phrase}\b", line)]
    return [word for word in found if word in DIALECT] + phrases


def pieces(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line number and text of what is read as words: names, strings, comments."""
    text = path.read_text()
    if path.suffix == ".js":
        yield from enumerate(text.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in TOKENS:
            yield from enumerate(token.string.splitlines(), token.start[0])


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_source_is_free_of_dialect(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    found = [(line, word) for line, text in pieces(path) for word in dialect(text)]
    words_found = [word for _, word in found]
    assert words_found == KEPT.get(name, []), f"{name}: {found}; write it in plain English"


def test_dialect_is_found_in_names_and_sentences() -> None:
    assert dialect("def giveAway(told_by): # What it SAID anew") == [
        "told",
        "said",
        "anew",
        "give away",
    ]
    assert dialect("a recommended renewal, accompany, alone") == []


# What students and instructors read.

MOST_WORDS = 25
"""Words of a sentence."""
RIDDLES = (
    "alike",
    "unlike",
    "raw model",
    "raw models",
    "vendor",
    "vendors",
    "dear",
    "dearly",
    "bought",
    "rattle",
    "rattles",
    "flatter",
    "flatters",
    "toy",
    "toys",
    "nobody wants",
    "few opinions",
    "large say",
    "point off",
    "points off",
    "times as soon",
    "twice as soon",
    "as soon or better",
    "answers at once",
    "ranking round",
    "called off",
    "grain of salt",
    "grains of salt",
    "divides itself away",
    "prove what they like",
    "silence it",
    "have the like",
    "takes that away",
    "any part will do",
    "engineering is choosing",
    "before you let go",
)
"""Phrases of the first edition on which students and readers of a second language stumbled."""
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
GUIDES = [ROOT / "GLOSSARY.md", ROOT / "INSTRUCTORS.md", *(ROOT / "docs/teaching").glob("*.md")]
EXERCISES = sorted((ROOT / "ftte_lab" / "course" / "exercises").glob("*.py"))


def markdown_of(path: Path) -> list[str]:
    """Return the texts of a notebook's cells."""
    return [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown"]


def read_texts(path: Path) -> list[str]:
    """Return all texts of a page: prose, and the strings of its code (questions, slides, hints)."""
    if path.suffix == ".py":
        return list(literals(path.read_text()))
    if path.suffix == ".md":
        return [path.read_text().split("\n## All settings")[0]]  # that section is one long list
    cells = nbformat.read(path, as_version=4).cells
    code = (c.source for c in cells if c.cell_type == "code")
    return [*markdown_of(path), *(text for source in code for text in literals(source))]


def riddles(text: str) -> list[str]:
    """Return the banned words and phrases of a text."""
    line = " ".join(words(plain(text)))
    return [word for word in RIDDLES if re.search(rf"\b{word}\b", line)] + dialect(line)


@pytest.mark.parametrize(
    "path", [*NOTEBOOKS, *GUIDES, *EXERCISES], ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_page_has_short_sentences_and_no_riddles(path: Path) -> None:
    texts = read_texts(path)
    found = [one for text in texts for one in sentences(text)]
    assert found or path.name == "__init__.py"
    long = [f"{length(one)} words: {one}" for one in found if length(one) > MOST_WORDS]
    assert not long, f"at most {MOST_WORDS} words: split it into short, plain sentences"
    assert [(word, text) for text in texts for word in riddles(text)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_links_each_term_at_its_first_use(path: Path) -> None:
    assert unlinked(markdown_of(path)) == [], "link its first use to ../GLOSSARY.md#..."


def test_sentences_are_found_and_counted() -> None:
    page = (
        '# A heading\n\nOne two (*three*). "Four" five `a. B` six, see Li et al. 2022 for it!\n'
        "Seven\n\n    code. Not read. \n\n- An item: [a link](x.md#y). 8 bits.\n"
        "| a | table. |\n\n```\nMore code. It is.\n```\n1. Last · one"
    )
    assert [(length(one), one[:9]) for one in sentences(page)] == [
        (2, "A heading"),
        (3, "One two ("),
        (11, '"Four" fi'),
        (1, "Seven"),
        (4, "An item: "),
        (2, "8 bits."),
        (2, "Last · on"),
    ]
    assert list(literals("f(f'{a} of all {b} is three', 'too short', 'but this one is read')")) == [
        "x of all x is three",
        "but this one is read",
    ]
    assert riddles("Train **a raw\nmodel**, which [it told](toy.md)") == ["raw model", "told"]


def test_terms_without_a_link_are_found() -> None:
    linked = "# Buffers\n\nThe [buffer](../GLOSSARY.md#buffer) fills. A buffer, `client`.\n"
    assert unlinked([linked]) == []
    assert unlinked(["A buffer fills.", linked]) == ["buffer"]
    assert unlinked([linked + "A client and [its buffer](06.ipynb)."]) == ["client"]
