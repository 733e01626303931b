"""`predict` before playing, `reveal` after it: a recorded guess makes the result count."""

from __future__ import annotations

import bisect
import html
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from ftte_lab._common import choice, require, say
from ftte_lab.course import progress
from ftte_lab.course.display import display_text
from ftte_lab.lab import is_live


def predict(name: str, question: str, choices: Sequence[str]) -> None:
    """Ask for a guess and record it; the notebook continues without one.

    Args:
        name: of the prediction, beginning with the lesson's number, such as "05".
        question: one sentence.
        choices: at least two.

    Raises:
        ValueError: fewer than two choices.
    """
    require(len(choices) >= 2, f"there are {len(choices)} choices", "at least two choices")
    entry = progress.prediction(name)
    entry["question"], entry["choices"] = question, list(choices)
    guess = entry.get(progress.GUESS)
    if not is_live():
        recorded = f"Your prediction: {guess}." if guess else "No prediction recorded."
        say(f"{question} ({' / '.join(choices)})\n{recorded}")
        return
    buttons = widgets.RadioButtons(
        options=list(choices),
        value=guess if guess in choices else None,
        layout=widgets.Layout(width="max-content"),
    )
    note = widgets.Label(_note(guess))
    buttons.observe(lambda change: _record(name, change["new"], note), names="value")
    title = widgets.HTML(f"<b>{html.escape(question)}</b>")
    display(widgets.VBox([title, buttons, note], layout=widgets.Layout(padding="4px 0 4px 12px")))


def reveal(name: str, answer: str, because: str = "", *, choices: Sequence[str] = ()) -> None:
    """Show the prediction beside what was measured.

    Args:
        name: as in `predict`.
        answer: what the fleet measured, in the words of the choices.
        because: one sentence with the figures.
        choices: if given, `answer` must be one of them.

    Raises:
        ValueError: an answer that is not a choice.
    """
    if choices:
        choice("answer", answer, choices)
    entry = progress.prediction(name)
    entry["measured"] = answer
    guess = entry.get(progress.GUESS)
    if not guess:
        text = f"Measured: {answer}. (You recorded no prediction; with one you learn more.)"
    elif guess == answer:
        text = f"Your prediction: {guess}. Measured: the same."
    else:
        text = f"Your prediction: {guess}. Measured: {answer}."
    text += f" {because}" if because else ""
    progress.write(name[:2])
    style = "padding:4px 12px;max-width:56em"
    display_text(text, f'<div style="{style}"><b>{html.escape(text)}</b></div>')


def pick(choices: Sequence[str], value: float, bounds: Sequence[float]) -> str:
    """Return the choice that a measured value means.

    Args:
        choices: from the lowest to the highest.
        value: what was measured.
        bounds: where one choice ends and the next begins, rising, one fewer than choices.

    Raises:
        ValueError: bounds that do not rise, or are not one fewer than the choices.

    Example:
        >>> pick(("worse", "equal", "better"), 5, (-3, 3))
        'better'
    """
    fits = len(bounds) == len(choices) - 1 and list(bounds) == sorted(bounds)
    require(
        fits,
        f"there are {len(choices)} choices with bounds {tuple(bounds)}",
        "rising bounds, one fewer than choices",
    )
    return choices[bisect.bisect_right(bounds, value)]


def _record(name: str, guess: str | None, note: Any) -> None:
    progress.prediction(name)[progress.GUESS] = guess
    progress.write(name[:2])
    note.value = _note(guess)


def _note(guess: str | None) -> str:
    if not guess:
        return "not answered yet"
    return f"recorded: {guess}. You can change it until the result is shown."
