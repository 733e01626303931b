"""The sweep of a page: one or two knobs over their range, filling while it runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ftte_lab._common import choice, integer, number, require, shown
from ftte_lab.charts import label
from ftte_lab.experiments import NUMERIC, Grid, numeric_knobs, spread
from ftte_lab.lab.settings import Settings
from ftte_lab.lab.tools.crew_job import Job
from ftte_lab.lab.tools.host import Host
from ftte_lab.lab.tools.sweep_record import Record

MOST_VALUES = 9
_FRAME_S = 0.3
_DEFAULT_TARGET = 0.9


class SweepTool:
    """Fill one sweep at a time, in a thread and worker processes of its own."""

    name = "sweep"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._job: Job | None = None
        self._record: Record | None = None
        self._phase = "kept"
        self.settings_changed()

    def receive(self, content: Mapping[str, Any]) -> None:
        """Begin or cancel a sweep, show what is kept of one, save its picture, or go to a cell.

        Raises:
            ValueError: a sweep or a cell that makes no sense.
        """
        action = content.get("do")
        choice("action", action, ("sweep", "peek", "cancel", "target", "png", "go"))
        if action in ("sweep", "peek"):
            self._begin(content, peek=action == "peek")
        elif action == "cancel":
            self._cancel()
        elif action == "target":
            self._retarget(content)
        elif action == "png":
            self._send_picture(content)
        else:
            self._go(content.get("cell"))

    def settings_changed(self) -> None:
        """Send what may be swept, and where the Lab is now; a sweep that runs stays as it is."""
        settings = self._host.settings
        self._host.publish(
            self.name,
            "form",
            knobs=numeric_knobs(),
            methods=[[name, label(name)] for name in settings.methods],
            here={name: getattr(settings.scenario, name) for name in NUMERIC},
        )

    def run_changed(self) -> None:
        """Do nothing: a sweep has runs of its own."""

    def close(self) -> None:
        """End the sweep."""
        if self._job is not None:
            self._job.cancel()

    def _begin(self, content: Mapping[str, Any], peek: bool) -> None:
        if peek and self._job is not None and self._job.running:
            return
        settings = self._host.settings
        record = Record(settings, grid_of(content, settings), target_of(content))
        self.close()
        self._record, self._phase = record, "kept"
        if not peek:
            self._show(record, "running")
        work = self._peek if peek else self._fill
        self._job = Job(lambda job: work(job, record), self._fail)

    def _peek(self, job: Job, record: Record) -> None:
        """Show what is kept from earlier, without any run."""
        for scenario in record.scenarios:
            if job.cancelled:
                return
            if (landed := job.crew.kept(scenario)) is not None:
                record.add(landed)
        self._show(record, "kept")

    def _fill(self, job: Job, record: Record) -> None:
        shown_s = 0.0
        for landed in job.crew.gather(record.scenarios):
            if landed is not None:
                record.add(landed)
            now = time.monotonic()
            if not job.cancelled and now >= shown_s + _FRAME_S:
                shown_s = now
                self._show(record, "running", job.crew.seconds_left(0.0))
        if not job.cancelled:
            self._show(record, "done")

    def _cancel(self) -> None:
        self.close()
        if self._record is not None:
            self._show(self._record, "cancelled")

    def _retarget(self, content: Mapping[str, Any]) -> None:
        """Show the same runs against another target."""
        if self._record is not None:
            self._record.target = target_of(content)
            self._show(self._record, self._phase)

    def _fail(self, text: str) -> None:
        self._host.publish(self.name, "error", text=text)
        if self._record is not None:
            self._show(self._record, "failed")

    def _go(self, number_of_cell: Any) -> None:
        """Set the Lab to a cell, with all else as it was when the sweep began."""
        record = self._begun()
        at = integer("cell", number_of_cell, 0, len(record.grid.cells) - 1)
        cell = dict(zip(record.grid.axes, record.grid.cells[at], strict=True))
        self._host.apply(record.settings.set(**cell))

    def _send_picture(self, content: Mapping[str, Any]) -> None:
        """Send the picture of a figure, and of a method where it is a map, as a file."""
        drawn = self._begun().figure(str(content.get("figure")), content.get("method"))
        self._host.send_file("ftte_sweep.png", "image/png", drawn.png(2.0))

    def _begun(self) -> Record:
        """Return the sweep that is shown."""
        require(self._record is not None, "there is no sweep yet", "one that has begun")
        return self._record  # type: ignore[return-value]

    def _show(self, record: Record, phase: str, left_s: float | None = None) -> None:
        self._phase = phase
        self._host.publish(self.name, "state", phase=phase, left_s=left_s, **record.message())


def target_of(content: Mapping[str, Any]) -> float:
    """Read the target of a page, in percent.

    Raises:
        ValueError: no number from 0 to 100.
    """
    given = content.get("target", 100 * _DEFAULT_TARGET)
    return float(number("target in percent", given, 0, 100)) / 100


def grid_of(content: Mapping[str, Any], settings: Settings) -> Grid:
    """Read the sweep that a page asks for.

    Args:
        content: `knobs`, one or two of `{name, count}` with perhaps `low` and `high`; `methods`
            and `seeds`.
        settings: what the Lab is set to.

    Raises:
        ValueError: something that is no such sweep.
    """
    knobs, methods = content.get("knobs"), content.get("methods")
    ok = isinstance(knobs, list) and all(isinstance(knob, dict) for knob in knobs)
    require(ok, f"knobs = {shown(knobs)}", "a list of knobs")
    ok = isinstance(methods, list) and all(isinstance(name, str) for name in methods)
    require(ok, f"methods = {shown(methods)}", "a list of names")
    for name in methods or ():
        choice("method", name, settings.methods)
    axes = {}
    for knob in knobs or ():
        name = knob.get("name")
        choice("knob", name, NUMERIC)
        require(name not in axes, f"{name} twice", "two different knobs")
        ends = [
            None if knob.get(end) is None else float(number(f"{name}, {end}", knob[end], 0, 1e12))
            for end in ("low", "high")
        ]
        count = integer("number of values", knob.get("count", 7), 2, MOST_VALUES)
        axes[str(name)] = tuple(spread(str(name), count, *ends))
    return Grid(settings.comparison, axes, tuple(methods or ()), content.get("seeds", 3))
