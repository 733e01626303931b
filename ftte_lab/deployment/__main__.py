"""Real processes, from the command line: `python -m ftte_lab.deployment show`, `serve`, `join`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from ftte_lab._common import say
from ftte_lab.deployment.commands import NODE_COMMANDS
from ftte_lab.deployment.errors import DeploymentError

_WRONG, _STOPPED = 2, 130


@click.group(commands=list(NODE_COMMANDS))
def nodes() -> None:
    """Run the same methods with real processes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, or 2 after one sentence on what was wrong."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    program = "python -m ftte_lab.deployment"
    try:
        status = nodes.main(given or ["--help"], prog_name=program, standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.exceptions.Abort:
        return _STOPPED
    except click.ClickException as error:
        problem = error.format_message()
    except (ValueError, DeploymentError) as error:
        problem = str(error)
    say(f"ftte_lab: {problem}", sys.stderr)
    return _WRONG


if __name__ == "__main__":
    raise SystemExit(main())
