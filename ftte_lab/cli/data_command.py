"""`ftte-lab data`: which data sets are here, and how another one gets here."""

from __future__ import annotations

from pathlib import Path

import click

from ftte_lab._common import is_file, say
from ftte_lab.data import SOURCES, Source, data_home, data_path, fetch


@click.command()
@click.argument("name", required=False)
@click.option("--folder", metavar="F", type=click.Path(path_type=Path), help="For wrist: UCI's.")
def data(name: str | None, folder: Path | None) -> None:
    """Fetch the data set NAME into the data home, or list all of them.

    A class without network copies the files of the data home from a machine that has fetched them.
    """
    if name is not None:
        say(str(fetch(name, folder=folder)))
        return
    for known, source in SOURCES.items():
        say(f"{known:14} {_state(known, source):9} {source.about}")
    say(f"data home: {data_home()}")


def _state(name: str, source: Source) -> str:
    if source.offline:
        return "built in"
    return "here" if is_file(data_path(name)) else "not here"
