"""How long a Lab lives: until its widget is closed, or its cell is run again or deleted.

Without an end every run of a cell would leave a Lab behind: widgets stay in a table of the kernel
until they are closed, and each refers to all that it shows.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import ipywidgets as widgets
from IPython.core.getipython import get_ipython
from IPython.display import display

from ftte_lab._common import say
from ftte_lab.lab.live.mode import cell_request


class Closable(Protocol):
    """Something that is shown in a cell, and can be closed."""

    def close(self) -> None:
        """End it."""


_shown: dict[str, tuple[str, list[weakref.ref[Closable]]]] = {}
"""By cell: the run that showed something, and what."""


def shown_in_this_cell(thing: Closable) -> None:
    """Close what an earlier run of this cell has shown, and what deleted cells have shown."""
    request = cell_request()
    if request is None:
        return
    for cell in request.deleted:
        _close_cell(cell)
    if request.cell in _shown and _shown[request.cell][0] != request.run:
        _close_cell(request.cell)
    _, things = _shown.setdefault(request.cell, (request.run, []))
    things.append(weakref.ref(thing))


def _close_cell(cell: str) -> None:
    for reference in _shown.pop(cell, ("", []))[1]:
        thing = reference()
        if thing is not None:
            thing.close()


def show(thing: Any) -> None:
    """Show something in a notebook; elsewhere print what it says of itself."""
    if get_ipython() is None:
        say(repr(thing))
    else:
        display(thing)


class LabBox(widgets.Box):  # type: ignore[misc]  # the library is untyped
    """Hold the widgets of a Lab.

    A saved notebook holds a sentence in the place of a widget, for whoever reads it without a
    kernel.

    Args:
        children: what it shows.
        sentence: returns that sentence.
        on_close: called when the box is closed, by anybody.
    """

    def __init__(
        self, children: list[Any], sentence: Callable[[], str], on_close: Callable[[], None]
    ) -> None:
        self._sentence, self._on_close = sentence, on_close
        super().__init__(children)
        self.add_class("ftte-lab")

    def close(self) -> None:
        """Close the box and all that is in it."""
        if self.comm is None:
            return
        inside = list(_inside(self))
        super().close()
        for widget in inside:
            widget.close()
        self.children = ()
        self._on_close()

    def __repr__(self) -> str:
        return self._sentence()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if isinstance(bundle, dict):
            bundle["text/plain"] = self._sentence()
        return bundle


def _inside(widget: Any) -> Iterator[Any]:
    """Yield the widgets that a widget consists of; layouts and styles are widgets too."""
    for name in ("layout", "style"):
        part = getattr(widget, name, None)
        if isinstance(part, widgets.Widget):
            yield part
    for child in getattr(widget, "children", ()):
        yield from _inside(child)
        yield child
