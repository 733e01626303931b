"""The command `ftte-lab`: the course, runs in the terminal, a class, and real processes."""

from ftte_lab.cli.bundle_command import bundle
from ftte_lab.cli.class_commands import collect, judge
from ftte_lab.cli.course_list import STUDENT, TEACHER
from ftte_lab.cli.data_command import data
from ftte_lab.cli.doctor_command import doctor
from ftte_lab.cli.group import COMMANDS, main
from ftte_lab.cli.headline_command import headline
from ftte_lab.cli.quiz_command import quiz
from ftte_lab.cli.run_command import run
from ftte_lab.cli.share_command import share
from ftte_lab.cli.start_command import start
from ftte_lab.deployment import NODE_COMMANDS

# A new command is a `click.command` in a file of this folder, and one more name here.
COMMANDS[:] = [
    *(start, run, headline, data, doctor, share),
    *(bundle, quiz, collect, judge),
    *NODE_COMMANDS,
]

__all__ = ["COMMANDS", "STUDENT", "TEACHER", "main"]
