"""`ftte-lab share`: settings as one line, and what such a line holds."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ftte_lab._common import say
from ftte_lab.cli.values import comparison_of


@click.command()
@click.argument("what", metavar="PRESET|CODE", default="lab")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Such as buffer=3.")
def share(what: str, settings: Sequence[str]) -> None:
    """Print a share code for a Lab, and what it holds.

    In a notebook, Lab("the code") opens it.
    """
    from ftte_lab.lab import Settings  # needs widgets, which the other commands do not

    chosen = comparison_of(what, settings)
    say(Settings(chosen).code())
    say(f"methods: {', '.join(chosen.methods)}")
    for name, value in chosen.scenario.changes().items():
        say(f"{name}: {value}")
