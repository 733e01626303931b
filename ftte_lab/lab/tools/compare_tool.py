"""The table of pinned runs on the page: go there, rename, remove, and take it to a paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ftte_lab._common import choice, require, shown
from ftte_lab.charts import method_styles
from ftte_lab.lab.tools.compare import (
    FORMS,
    Kept,
    called,
    differences,
    export,
    kept_runs,
    printed,
    table,
)
from ftte_lab.lab.tools.host import Host

_LONGEST_NAME = 60
_HIDDEN = ("run", "what differs", "method", "share code")
_FILES: Mapping[str, tuple[str, str]] = {
    "csv": ("ftte-compare.csv", "text/csv"),
    "markdown": ("ftte-compare.md", "text/markdown"),
    "latex": ("ftte-compare.tex", "application/x-tex"),
}


class CompareTool:
    """Show a row for each pinned run, with the scoreboard's numbers for each method."""

    name = "compare"

    def __init__(self, host: Host) -> None:
        self._host = host
        self.names: dict[str, str] = {}
        self.run_changed()

    def receive(self, content: Mapping[str, Any]) -> None:
        """Go to a pinned run, remove or rename it, or save the table as a file.

        Raises:
            ValueError: a run that is not pinned, a name that is too long, or an unknown form.
        """
        action = content.get("action")
        choice("action", action, ("go", "remove", "rename", "save"))
        if action == "save":
            form = str(content.get("form"))
            choice("form", form, FORMS)
            name, mime = _FILES[form]
            self._host.send_file(name, mime, export(self.table(), form).encode())
            return
        letter = str(content.get("letter"))
        choice("pinned run", letter, list(self._host.pins))
        if action == "go":
            self._host.apply(self._host.pins[letter].settings)
        elif action == "remove":
            self.names.pop(letter, None)
            self._host.display.unpin(letter)
        else:
            self.names[letter] = _name(content.get("text"))
        self.run_changed()

    def rows(self) -> list[Kept]:
        """Return the pinned runs, as far as they have run."""
        with self._host.lock:
            return kept_runs(self._host.pins)

    def table(self) -> pd.DataFrame:
        """Return the table of the pinned runs.

        Raises:
            ValueError: nothing is pinned.
        """
        return table(self.rows(), self.names)

    def settings_changed(self) -> None:
        """Do nothing: pinned runs stay what they are."""

    def run_changed(self) -> None:
        """Show the table as it is now."""
        kept = self.rows()
        if not kept:
            self.names.clear()
            self._host.publish(self.name, "table", rows=[], columns=[], texts={})
            return
        frame = table(kept, self.names)
        columns = [title for title in frame if title not in _HIDDEN]
        texts = {form: export(frame, form) for form in FORMS}
        rows = self._rows(kept, [printed(line) for line in frame[columns].to_dict("records")])
        self._host.publish(self.name, "table", rows=rows, columns=columns, texts=texts)

    def close(self) -> None:
        """Do nothing: nothing runs."""

    def _rows(self, kept: list[Kept], figures: list[dict[str, str]]) -> list[dict[str, Any]]:
        """Return what the page draws: runs, each with a line of figures for each method."""
        differs, at, rows = differences(kept), 0, []
        for letter, settings, scores in kept:
            styles = method_styles(list(scores.scores))
            methods = []
            for name, score in scores.scores.items():
                colours = {"light": styles[name].light, "dark": styles[name].dark}
                cells = list(figures[at].values())
                methods.append({"label": score.label, "cells": cells, **colours})
                at += 1
            rows.append(
                {
                    "letter": letter,
                    "name": self.names.get(letter, ""),
                    "called": called(letter, self.names),
                    "differs": differs[letter],
                    "code": settings.code(),
                    "methods": methods,
                }
            )
        return rows


def _name(text: Any) -> str:
    """Return the name of a run that a page sends.

    Raises:
        ValueError: no text, or one that is too long.
    """
    ok = isinstance(text, str) and len(text) <= _LONGEST_NAME and text.isprintable()
    require(ok, f"the name {shown(text)}", f"up to {_LONGEST_NAME} characters in one line")
    return " ".join(str(text).split())
