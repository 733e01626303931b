"""Hundreds of malformed inputs: one sentence each, nothing executed, nothing changed."""

import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftte_lab.course import progress
from tests.malformed.damage import mutations, texts
from tests.malformed.readers import READERS, Reader

MUTATIONS = 60  # of each kind of JSON
FLIPS = 40  # of each kind that is not JSON
LEAST = 200  # malformed inputs in all
REFUSED_SHARE = 0.6  # a test that is passed by accepting everything would show nothing

_counts: dict[str, tuple[int, int]] = {}


def flips(content: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield contents in which some bytes are changed, or a piece is missing."""
    r = random.Random(seed)  # noqa: S311
    for k in range(count):
        changed = bytearray(content)
        at = r.randrange(len(changed))
        if k % 2:
            changed[at] ^= 1 << r.randrange(8)
        else:
            del changed[at : at + r.randint(1, 40)]
        yield f"{k}: {'flip' if k % 2 else 'gap'} at {at}", bytes(changed)


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def is_one_sentence(text: str) -> bool:
    """Report whether an error says what, what is allowed and perhaps what to do; no more."""
    ours = "; allowed: " in text and "instead of a sentence" not in text
    return ours and "\n" not in text and len(text) < 900


def said_to(reader: Reader, path: Path) -> str:
    """Return what a reader answers to a file, nothing if it takes it.

    Whatever is no ValueError is a fault of the kit.
    """
    try:
        reader.read(path)
    except ValueError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__} instead of a sentence: {error}"
    return ""


def cases(reader: Reader, name: str, canary: Path) -> Iterator[tuple[str, bytes]]:
    content = reader.valid()
    yield from texts(content, canary)
    if reader.is_json:
        yield from mutations(content, MUTATIONS, seed=len(name))
    else:
        yield from flips(content, FLIPS, seed=len(name))


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of its own, where a file named canary would be noticed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(progress.VARIABLE, "off")
    progress.forget()


@pytest.mark.parametrize("name", READERS)
def test_malformed_input_is_answered_in_one_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, canary = READERS[name], tmp_path / "canary"
    folder = tmp_path / "user"
    folder.mkdir()
    path = folder / reader.name
    (folder / "package.json").write_text('{"name": "not ours"}')
    (folder / f"._{reader.name}").write_bytes(b"\x00\x05\x16\x07")
    path.write_bytes(reader.valid())
    assert reader.read(path) is not None  # what is valid is accepted
    total = refused = 0
    for case, content in cases(reader, name, canary):
        path.write_bytes(content)
        before = fingerprint(folder)
        total += 1
        answer = said_to(reader, path)
        if reader.verdict:
            answer = capsys.readouterr().out.strip()
            assert not answer or "stays as it is" in answer, case
        elif answer:
            assert is_one_sentence(answer), f"{case}: {answer[:300]}"
        refused += bool(answer)
        assert fingerprint(folder) == before, case
        assert not canary.exists(), case
    _counts[name] = (total, refused)
    assert refused >= total * 0.35, f"{refused} of {total} were refused"


def test_there_are_enough_of_them(tmp_path: Path) -> None:
    inputs = {name: list(cases(reader, name, tmp_path)) for name, reader in READERS.items()}
    assert sum(map(len, inputs.values())) >= LEAST
    if len(_counts) == len(READERS):
        total, refused = (sum(count[k] for count in _counts.values()) for k in (0, 1))
        print(f"{total} malformed inputs, {refused} refused, the others were harmless")
        assert refused >= REFUSED_SHARE * total
    assert os.getcwd() == str(tmp_path)
