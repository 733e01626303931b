"""Exercise of lesson 10: the capstone's brief."""

from __future__ import annotations

from ftte_lab.course.capstone import failure, lines_held, margins
from ftte_lab.course.exercise import Exercise

EXERCISES = {
    "10a": Exercise(
        title="meet the brief",
        tests=[failure],
        hints=[
            "Which line fails, and which knob moves that number? "
            '`Lab(..., charts=["memory", "bytes"])` answers before any training.',
            "Less memory also means fewer bytes and a shorter step, "
            "so more steps per virtual minute.",
            "Compare FTTE at two or three budgets below the limit, over three seeds each, "
            "before you submit.",
        ],
        shows="Your fleet passes on the seeds of the check. Your teacher takes others.",
        details=margins,
        points=5,
        partial=lines_held,
    ),
}
