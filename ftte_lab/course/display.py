"""Show text in a notebook, or print it where there is none."""

from __future__ import annotations

from IPython.core.getipython import get_ipython
from IPython.display import display


def display_text(text: str, as_html: str) -> None:
    """As HTML where a notebook shows it, and as the same words everywhere."""
    display_rich(text, "text/html", as_html)


def display_rich(text: str, kind: str, rich: str) -> None:
    """In a richer form where a notebook shows it, and as the same words everywhere."""
    if get_ipython() is None:
        print(text)
    else:
        display({"text/plain": text, kind: rich}, raw=True)
