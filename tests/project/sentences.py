"""Split what students and instructors read into sentences, and find terms without a link."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s+")
_CODE = re.compile(r"```.*?```|<!--.*?-->|\$\$.*?\$\$", re.S)
_ABBREVIATION = r"(?<!\bal\.)(?<!e\.g\.)(?<!i\.e\.)"
_END = re.compile(
    rf"(?<=[.!?…])[\"'”’)*_]*{_ABBREVIATION}\s+(?=[\"'“‘(*_\[]*[A-Z0-9`Α-ω])",
)
_LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")
TERMS: Mapping[str, str] = {
    "averaged-model": r"running average",
    "batch": r"batch(?:es)?",
    "buffer": r"buffers?",
    "client": r"clients?",
    "cohort": r"cohorts?",
    "concurrency": r"concurrency",
    "differential-privacy": r"differential privacy",
    "dirichlet-α": r"Dirichlet|α",
    "drift": r"client drift",
    "fedasync": r"FedAsync",
    "fedavg": r"FedAvg",
    "fedbuff": r"FedBuff",
    "fedprox": r"FedProx",
    "ftte": r"FTTE",
    "gantt-chart": r"Gantt",
    "iid": r"(?:non-)?IID",
    "local-steps": r"local steps",
    "memory-budget": r"memory budget",
    "micro-batch": r"micro-batch(?:es)?",
    "momentum": r"momentum",
    "over-selection": r"over-selection",
    "payload": r"payload",
    "peak-memory": r"peak memory",
    "round": r"rounds?",
    "scaffold": r"SCAFFOLD",
    "scenario": r"scenario",
    "secure-aggregation": r"secure aggregation",
    "seed": r"seeds?",
    "server-rate": r"server rates?",
    "server-step": r"(?<!the\s)(?<!'s\s)server steps?",  # the noun
    "staleness": r"staleness",
    "straggler": r"stragglers?",
    "subset": r"subsets?",
    "time-to-target": r"time to target",
    "update": r"updates?(?! immediately)",
    "variance": r"variance",
    "virtual-time": r"virtual (?:time|minutes?)",
}
"""Terms of the field that a page links to the glossary at their first use, by anchor."""


def blocks(text: str) -> list[str]:
    """Return the paragraphs, list items and headings of a page, without code and tables."""
    found: list[list[str]] = [[]]
    blank = True
    for line in _CODE.sub("\n\n", text).splitlines():
        code = blank and re.match(r" {4,}\S", line)
        if not line.strip() or line.startswith("|") or code:
            found.append([])
            blank = True
            continue
        blank = False
        if _ITEM.match(line) or line.startswith("#"):
            found.append([])
        found[-1].append(_ITEM.sub("", line).lstrip("#> ").strip())
        if line.startswith("#"):
            found.append([])
    return [" ".join(block) for block in found if block]


def plain(text: str) -> str:
    """Return a text with its links and inline code as single words."""
    text = _LINK.sub(r"\1", re.sub(r"`[^`]*`", "`x`", text))
    return re.sub(r"\$[^$]+\$", "`x`", text)


def sentences(text: str) -> list[str]:
    """Return the sentences of a page in Markdown."""
    return [s for block in blocks(text) for s in _END.split(plain(block)) if s.strip()]


def length(sentence: str) -> int:
    """Return the number of words of a sentence; signs alone are none."""
    return sum(bool(re.search(r"\w", word)) for word in sentence.split())


def literals(source: str) -> Iterator[str]:
    """Yield the texts of some Python code: strings of four words or more, docstrings among them."""
    tree = ast.parse(source)
    inside = {id(v) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for v in n.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(_value(v)) for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = "" if id(node) in inside else node.value
        else:
            continue
        if length(text) >= 4:
            yield text


def _value(node: Any) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else "x"


def unlinked(pages: list[str]) -> list[str]:
    """Return the terms whose first use, over all parts of a page, is no link to the glossary."""
    text = "\n\n".join(blanked(page) for page in pages)
    found = []
    for anchor, pattern in TERMS.items():
        spaced = pattern.replace(" ", r"\s+")  # a line may end within a term
        first = re.search(rf"(?<![\w-])(?:{spaced})(?![\w-])", text, re.I)
        linked = re.search(rf"\[[^\]]*\]\([./]*GLOSSARY\.md#{anchor}\)", text)
        if first and not (linked and linked.start() < first.end() <= linked.end()):
            found.append(anchor)
    return found


def blanked(text: str) -> str:
    """Return a text of equal length without code, headings, formulas and links to other pages."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match[0])

    text = _CODE.sub(blank, text)
    text = re.sub(r"^#+ .*$|`[^`\n]*`|\$[^$\n]+\$", blank, text, flags=re.M)
    return re.sub(r"\[[^\]]*\]\((?![./]*GLOSSARY\.md#)[^)]*\)", blank, text)
