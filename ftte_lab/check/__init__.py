"""Feedback in the cell: exercises, predictions and a report, offline, at once and in words.

Nothing here ever stops a notebook: a wrong answer, an endless loop or an error in a student's function becomes a
sentence. With `FTTE_CHECK=strict` in the environment an exercise that is not passed raises, as a grader wants it.
"""

from ftte_lab.check._check import Verdict, check
from ftte_lab.check._code import show_code
from ftte_lab.check._doctor import doctor
from ftte_lab.check._exercises import EXERCISES
from ftte_lab.check._predict import pick, predict, reveal
from ftte_lab.check._report import Report, report

__all__ = ["EXERCISES", "Report", "Verdict", "check", "doctor", "pick", "predict", "report", "reveal", "show_code"]
