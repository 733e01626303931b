"""All exercises of the course, by name: two digits of the lesson and a letter."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ftte_lab.course.exercise import Exercise
from ftte_lab.course.exercises import fleet_lessons as _fleet_lessons
from ftte_lab.course.exercises import sent_lessons as _sent_lessons
from ftte_lab.course.exercises import world_lessons as _world_lessons

_ALL: dict[str, Exercise] = {
    **_world_lessons.EXERCISES,
    **_fleet_lessons.EXERCISES,
    **_sent_lessons.EXERCISES,
}
EXERCISES: Mapping[str, Exercise] = MappingProxyType(dict(sorted(_ALL.items())))
