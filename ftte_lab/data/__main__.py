"""Command line: `python -m ftte_lab.data NAME [--folder F]` fetches a data set into the data home.

A class without network copies the file from there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ftte_lab._common import say
from ftte_lab.data.catalogue import SOURCES, fetch
from ftte_lab.data.store import data_home


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Args:
        arguments: of the command line; those of this process if not given.

    Returns:
        0, or 2 if the data set could not be fetched; the reason is printed in one sentence.
    """
    about = "; ".join(f"{name}: {source.about}" for name, source in SOURCES.items())
    parser = argparse.ArgumentParser(
        prog="python -m ftte_lab.data",
        description=f"Fetch a data set into {data_home()}.",
        epilog=about,
    )
    parser.add_argument("name", metavar="NAME", help="cifar10, fashion_mnist or wrist")
    parser.add_argument("--folder", metavar="F", help="for wrist: the unpacked UCI folder")
    args = parser.parse_args(arguments)
    try:
        say(str(fetch(args.name, folder=args.folder)))
    except ValueError as error:
        say(f"ftte_lab: {error}", sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
