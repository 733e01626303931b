"""Read a table of somebody's own samples: CSV or NPZ, a label and a person for each sample.

Nothing in a file is ever executed. What is wrong is answered in one sentence that names the line
and the column.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ftte_lab._common import brief, require, shown

LARGEST_OWN_BYTES = 64 << 20
"""Bytes that a file may have."""

_LARGEST_UNPACKED = 512 << 20
_MOST_COLUMNS = 20_000
_MOST_SAMPLES = 1_000_000
_LARGEST_NUMBER = 1e30  # beyond it sums of squares leave the range of float32
_LONGEST_NAME = 60
_COLUMNS = "columns named 'label' and 'person', all others numbers"
_KEYS = ("x", "y", "person")
_ARRAYS = "arrays x (samples, ...), y (samples,) and person (samples,)"
_CELL = "a number in each cell, with a point for decimals"


@dataclass(frozen=True, eq=False)
class OwnTable:
    """Hold samples as they stand in a file.

    Attributes:
        x: inputs `(n, ...)`, float64, or uint8 for pixels.
        labels: `(n,)` text.
        persons: `(n,)` text.
    """

    x: np.ndarray
    labels: np.ndarray
    persons: np.ndarray


def read_table(content: bytes, name: str) -> OwnTable:
    r"""Read the bytes of a file; its name ends with `.csv` or `.npz`.

    Raises:
        ValueError: another kind of file, one that is too large or damaged, a column that is
            missing, or a cell that is empty or no number: one sentence that names the place.

    Example:
        >>> table = read_table(b"a,label,person\n1,sit,Ada\n2,walk,Bob\n", "two.csv")
        >>> table.x.tolist(), table.labels.tolist(), table.persons.tolist()
        ([[1.0], [2.0]], ['sit', 'walk'], ['Ada', 'Bob'])
    """
    require(isinstance(content, bytes), f"a file of {type(content).__name__}", "bytes")
    size = f"the file has {len(content) / 2**20:.1f} MiB"
    require(
        len(content) <= LARGEST_OWN_BYTES,
        size,
        f"up to {LARGEST_OWN_BYTES >> 20} MiB",
        "Take a part",
    )
    require(len(content) > 0, "the file is empty", "a CSV or NPZ file with samples")
    if str(name).lower().endswith(".npz"):
        return _npz(content)
    known = str(name).lower().endswith(".csv")
    require(known, f"the file {shown(name)}", "a name that ends with .csv or .npz")
    return _csv(content)


def _csv(content: bytes) -> OwnTable:
    """Read comma-, semicolon- or tab-separated text with a line of column names."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = f"line {line} of the file is not UTF-8 text"
        raise ValueError(f"{problem}; allowed: a CSV file in UTF-8. Save it so.") from error
    require("\0" not in text, "the file holds zero bytes", "a CSV file in UTF-8", "Save it so")
    first = text[: text.find("\n") + 1] or text
    between = max(",;\t", key=first.count)
    lines = _lines(text, between)
    _, header = next(lines, (0, []))
    titles = [title.strip() for title in header]
    label, person, features = _places(titles)
    rows, labels, persons = [], [], []
    for number, cells in lines:
        given = f"line {number} has {len(cells)} cells"
        require(len(cells) == len(titles), given, f"{len(titles)}, one for each column")
        labels.append(_name(cells[label], number, "label"))
        persons.append(_name(cells[person], number, "person"))
        rows.append(_numbers(cells, features, titles, number))
        most = f"line {number} is beyond the end"
        require(len(rows) <= _MOST_SAMPLES, most, f"up to {_MOST_SAMPLES:,} samples", "Take fewer")
    require(bool(rows), "the file has no line below its column names", "a line for each sample")
    return OwnTable(np.array(rows, np.float64), np.array(labels), np.array(persons))


def _lines(text: str, between: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between, strict=True)
    try:
        for cells in reader:
            if cells and any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        problem = f"line {reader.line_num} is not CSV ({brief(error)})"
        raise ValueError(
            f"{problem}; allowed: cells between {between!r}. Save it again."
        ) from error


def _places(titles: list[str]) -> tuple[int, int, list[int]]:
    """Return where label, person and features stand."""
    count = f"{len(titles):,} columns"
    require(len(titles) <= _MOST_COLUMNS, count, f"up to {_MOST_COLUMNS:,}")
    lower = [title.lower() for title in titles]
    for number, title in enumerate(titles, 1):
        require(bool(title), f"column {number} has no name", _COLUMNS)
        twice = lower.index(title.lower()) != number - 1
        require(not twice, f"column {number} is named {shown(title)} again", "each name once")
    for needed in ("label", "person"):
        problem = f"no column is named {needed!r}, but {shown(', '.join(titles))}"
        require(needed in lower, problem, _COLUMNS, "Write the names in the first line")
    label, person = lower.index("label"), lower.index("person")
    features = [at for at in range(len(titles)) if at not in (label, person)]
    require(bool(features), "there is no column but label and person", _COLUMNS)
    return label, person, features


def _name(cell: str, line: int, column: str) -> str:
    """Return a label or a person as text."""
    text = " ".join(cell.split())
    where = f"line {line}, column {column!r}"
    require(bool(text), f"{where} is empty", "a name or a number")
    fits = len(text) <= _LONGEST_NAME and text.isprintable()
    require(fits, f"{where} holds {shown(text)}", f"up to {_LONGEST_NAME} characters")
    return text


def _numbers(cells: list[str], features: list[int], titles: list[str], line: int) -> list[float]:
    """Return the features of a line as numbers."""
    try:
        numbers = [float(cells[at]) for at in features]
        if all(-_LARGEST_NUMBER <= value <= _LARGEST_NUMBER for value in numbers):
            return numbers
    except ValueError:
        pass
    for at in features:
        _refuse_cell(cells[at], f"line {line}, column {titles[at]!r}")
    raise ValueError(f"line {line} holds no numbers; allowed: {_CELL}.")


def _refuse_cell(cell: str, where: str) -> None:
    """Refuse a cell that is empty, no number, or none that can be trained with."""
    require(bool(cell.strip()), f"{where} is empty", _CELL, "Fill the gap or leave the line out")
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
        require(False, f"{where} holds {shown(cell.strip())}", _CELL)
    require(math.isfinite(value), f"{where} holds {shown(cell.strip())}", _CELL)
    large = f"{where} holds {value:g}"
    require(abs(value) <= _LARGEST_NUMBER, large, f"up to {_LARGEST_NUMBER:g}", "Scale it")


def _npz(content: bytes) -> OwnTable:
    arrays = _arrays(content)
    for key in _KEYS:
        there = f"the file has no array {key!r}, but {shown(', '.join(arrays))}"
        require(key in arrays, there, _ARRAYS)
    x, y, person = (arrays[key] for key in _KEYS)
    shape = f"x has the shape {x.shape}"
    samples = x.ndim in (2, 3, 4) and x.size > 0
    require(samples, shape, "(samples, features), (samples, channels, length) or images")
    require(len(x) <= _MOST_SAMPLES, f"x has {len(x):,} samples", f"up to {_MOST_SAMPLES:,}")
    numeric = f"x is of type {x.dtype}"
    require(x.dtype.kind in "fiub", numeric, "numbers")
    for key, one in (("y", y), ("person", person)):
        problem = f"{key} has the shape {one.shape} and x {x.shape}"
        require(one.shape == (len(x),), problem, f"({len(x)},): one for each sample")
        ok = one.dtype.kind in "iubU"
        require(ok, f"{key} is of type {one.dtype}", "whole numbers or text, without objects")
    if x.dtype != np.uint8:
        x = x.astype(np.float64)
        bad = np.argwhere(~(np.abs(x) <= _LARGEST_NUMBER))
        where = f"x[{', '.join(map(str, bad[0]))}]" if len(bad) else ""
        given = f"{where} is {x[tuple(bad[0])]:g}" if len(bad) else ""
        require(not len(bad), given, f"a number up to {_LARGEST_NUMBER:g}", "Leave the sample out")
    return OwnTable(x, _texts(y, "y"), _texts(person, "person"))


def _texts(values: np.ndarray, key: str) -> np.ndarray:
    """Return labels or persons of an array as text."""
    unique, at = np.unique(values, return_inverse=True)
    names = []
    for value in unique.tolist():
        text = " ".join(str(value).split())
        fits = 0 < len(text) <= _LONGEST_NAME and text.isprintable()
        require(fits, f"{key} holds {shown(value)}", f"1 to {_LONGEST_NAME} characters")
        names.append(text)
    return np.array(names)[at]


def _arrays(content: bytes) -> dict[str, np.ndarray]:
    """Read the arrays of an archive; nothing in it is ever executed."""
    allowed = "an NPZ file of numpy.savez without objects"
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            unpacked = sum(member.file_size for member in archive.zip.infolist())
            if unpacked > _LARGEST_UNPACKED:
                raise ValueError(f"it unpacks to {unpacked:,} bytes")
            found: dict[str, Any] = {key: archive[key] for key in _KEYS if key in archive.files}
            return found or {key: np.empty(0) for key in archive.files}
    except Exception as error:  # zip files can be damaged in many ways
        problem = f"the file cannot be read ({brief(error)})"
        raise ValueError(f"{problem}; allowed: {allowed}. Save it again.") from error
