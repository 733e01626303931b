"""The course: lessons, one round by hand, and feedback in the cell, offline and in words.

Nothing here ever stops a notebook: a wrong answer, an endless loop or an error in a student's
function becomes a sentence. With `FTTE_CHECK=strict` in the environment an exercise that is not
passed raises, as a grader needs it.
"""

from ftte_lab.course.capstone import BRIEF, LIMITS, judge
from ftte_lab.course.check import Verdict, check
from ftte_lab.course.clock import clock
from ftte_lab.course.collect import Collected, collect
from ftte_lab.course.doctor import doctor
from ftte_lab.course.exercises import EXERCISES
from ftte_lab.course.judging import Judged, judge_folder, seeds_of
from ftte_lab.course.lessons import LESSONS, SIZES, Lesson, lesson
from ftte_lab.course.one_round import Round, one_round
from ftte_lab.course.own_device import timed_messages, timed_steps
from ftte_lab.course.own_format import digits_read
from ftte_lab.course.predict import pick, predict, reveal
from ftte_lab.course.report import Report, report
from ftte_lab.course.show_code import show_code
from ftte_lab.course.tiles import tiles
from ftte_lab.experiments import likeness, read_inputs, recovered

__all__ = [
    "BRIEF",
    "EXERCISES",
    "LESSONS",
    "LIMITS",
    "SIZES",
    "Collected",
    "Judged",
    "Lesson",
    "Report",
    "Round",
    "Verdict",
    "check",
    "clock",
    "collect",
    "digits_read",
    "doctor",
    "judge",
    "judge_folder",
    "lesson",
    "likeness",
    "one_round",
    "pick",
    "predict",
    "read_inputs",
    "recovered",
    "report",
    "reveal",
    "seeds_of",
    "show_code",
    "tiles",
    "timed_messages",
    "timed_steps",
]
