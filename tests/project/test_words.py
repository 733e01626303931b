"""Plain English: words of an old house dialect stay away from names, docstrings and comments."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

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
