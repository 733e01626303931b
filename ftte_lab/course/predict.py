"""`predict` before playing, `reveal` after it: a guess on record makes the surprise count."""

from __future__ import annotations

import bisect
import html
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from ftte_lab._common import choice, require
from ftte_lab.course import progress as _record
from ftte_lab.course.display import display_text
from ftte_lab.lab import is_live


def predict(name: str, question: str, choices: Sequence[str]) -> None:
    """Ask for a guess and keep it; without one nothing is held back.

    Args:
        name: of the prediction, beginning with the lesson's number, such as "05".
        question: one sentence.
        choices: at least two.

    Raises:
        ValueError: fewer than two choices.
    """
    require(len(choices) >= 2, f"{len(choices)} choices", "at least two")
    entry = _entry(name)
    entry["question"] = question
    if not is_live():
        kept = (
            f"Your prediction: {entry['said']}." if entry.get("said") else "No prediction recorded."
        )
        print(f"{question} ({' / '.join(choices)})\n{kept}")
        return
    said = entry.get("said")
    buttons = widgets.RadioButtons(
        options=list(choices),
        value=said if said in choices else None,
        layout=widgets.Layout(width="max-content"),
    )
    note = widgets.Label(_note(said))
    buttons.observe(lambda change: _keep(name, change["new"], note), names="value")
    words = widgets.HTML(f"<b>{html.escape(question)}</b>")
    display(widgets.VBox([words, buttons, note], layout=widgets.Layout(padding="4px 0 4px 12px")))


def reveal(name: str, answer: str, because: str = "", *, choices: Sequence[str] = ()) -> None:
    """Show what was predicted beside what was measured.

    Args:
        name: as in `predict`.
        answer: what the fleet says, in the words of the choices.
        because: one sentence with the figures.
        choices: if given, `answer` must be one of them.

    Raises:
        ValueError: an answer that was no choice.
    """
    if choices:
        choice("answer", answer, choices)
    entry = _entry(name)
    entry["measured"] = answer
    said = entry.get("said")
    if not said:
        text = f"The fleet says: {answer}. (You made no prediction; one on record teaches more.)"
    elif said == answer:
        text = f"You said: {said}. The fleet says the same."
    else:
        text = f"You said: {said}. The fleet says: {answer}."
    text += f" {because}" if because else ""
    _record.write(name[:2])
    display_text(
        text, f'<div style="padding:4px 12px;max-width:56em"><b>{html.escape(text)}</b></div>'
    )


def pick(choices: Sequence[str], value: float, bounds: Sequence[float]) -> str:
    """The choice that a measured value means: the first below the first bound, and so on, the last above all.

    Raises:
        ValueError: bounds that do not rise, or are not one fewer than the choices.
    """
    fits = len(bounds) == len(choices) - 1 and list(bounds) == sorted(bounds)
    require(
        fits,
        f"{len(choices)} choices with bounds {tuple(bounds)}",
        "rising bounds, one fewer than choices",
    )
    return choices[bisect.bisect_right(bounds, value)]


def _entry(name: str) -> dict[str, Any]:
    found: dict[str, Any] = _record.read(name[:2])["predictions"].setdefault(
        name, {"said": None, "measured": None}
    )
    return found


def _keep(name: str, said: str | None, note: widgets.Label) -> None:
    _entry(name)["said"] = said
    _record.write(name[:2])
    note.value = _note(said)


def _note(said: str | None) -> str:
    return (
        f"recorded: {said}. You can change it until you know better."
        if said
        else "not answered yet"
    )
