"""Show text in a notebook, or print it where there is none."""

from __future__ import annotations

from IPython.core.getipython import get_ipython
from IPython.display import display

from ftte_lab._common import say


def display_text(text: str, as_html: str) -> None:
    """Show HTML in a notebook, and print the same words everywhere else."""
    display_rich(text, "text/html", as_html)


def display_rich(text: str, kind: str, rich: str) -> None:
    """Show a richer form (of MIME type `kind`) in a notebook, and print `text` everywhere else."""
    if get_ipython() is None:
        say(text)
    else:
        display({"text/plain": text, kind: rich}, raw=True)
