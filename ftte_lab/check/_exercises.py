"""All exercises of the course, by name: two digits of the lesson and a letter."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ftte_lab.check import _fleet_lessons, _sent_lessons, _world_lessons
from ftte_lab.check._exercise import Exercise

_ALL: dict[str, Exercise] = {**_world_lessons.EXERCISES, **_fleet_lessons.EXERCISES, **_sent_lessons.EXERCISES}
EXERCISES: Mapping[str, Exercise] = MappingProxyType(dict(sorted(_ALL.items())))
