"""The command and its commands; whatever is wrong is answered in one sentence."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata

import click

from ftte_lab._common import brief, say
from ftte_lab.deployment import DeploymentError

NAME = "ftte-lab"
WRONG = 2  # exit status after one sentence on what was wrong
STOPPED = 130  # as a shell has it after Ctrl-C

COMMANDS: list[click.Command] = []
"""The commands, in the order of the help."""


class _Commands(click.Group):
    """A group that looks its commands up in `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [str(command.name) for command in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return next((command for command in COMMANDS if command.name == cmd_name), None)


def _version() -> str:
    try:
        return metadata.version("ftte_lab")
    except metadata.PackageNotFoundError:
        return "from a folder, not installed"


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(_version(), prog_name=NAME)
def kit() -> None:
    """Federated learning on tiny devices: the course, the Lab, and runs in a terminal.

    Begin with: ftte-lab start
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status: 0, or 2 after one sentence on what was wrong.

    Args:
        arguments: of the command line; those of this process if not given.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = kit.main(given or ["--help"], prog_name=NAME, standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.exceptions.Abort:
        say("stopped", sys.stderr)
        return STOPPED
    except click.ClickException as error:
        problem = _usage(error)
    except ModuleNotFoundError as error:
        problem = _missing(error)
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        problem = f"{named}{brief(error)}"
    except (ValueError, DeploymentError) as error:
        problem = str(error)
    say(f"{NAME}: {problem}", sys.stderr)
    return WRONG


def _usage(error: click.ClickException) -> str:
    """Return what is wrong with a command line, and where its help is."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else NAME
    problem = " ".join(error.format_message().split()).rstrip(".")
    return f"{problem}; allowed: what {command} --help lists."


def _missing(error: ModuleNotFoundError) -> str:
    """Return which part of the installation is missing; a module of the kit itself is a fault."""
    if error.name is None or error.name.partition(".")[0] == "ftte_lab":
        raise error
    return (
        f"the package {error.name} is not installed; allowed: the kit with its extra 'lab'. "
        'Install it: python -m pip install "ftte_lab[lab]"'
    )
