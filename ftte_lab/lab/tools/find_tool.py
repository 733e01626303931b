"""The search of a page: a question in one sentence, its points as they come, an answer in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ftte_lab._common import choice, number, require, shown
from ftte_lab.charts import label, method_styles
from ftte_lab.experiments import (
    COSTS,
    NUMERIC,
    WANTS,
    Finding,
    Question,
    amount,
    find,
    in_words,
    numeric_knobs,
    spell,
)
from ftte_lab.lab.settings import Settings
from ftte_lab.lab.tools.crew_job import Job
from ftte_lab.lab.tools.host import Host

UNITS: Mapping[str, tuple[str, float]] = {
    "sim_seconds": ("min", 60.0),
    "upload_bytes": ("MB", 1e6),
    "total_bytes": ("MB", 1e6),
    "energy_j": ("J", 1.0),
    "updates": ("updates", 1.0),
}
"""How a page writes each cost, and how many units of the record that is."""


class FindTool:
    """Answer one question at a time, in a thread and worker processes of its own."""

    name = "find"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._job: Job | None = None
        self._newest: tuple[Settings, Finding] | None = None
        self.settings_changed()

    def receive(self, content: Mapping[str, Any]) -> None:
        """Begin or cancel a search, or go to its answer.

        Raises:
            ValueError: a question that makes no sense.
        """
        action = content.get("do")
        choice("action", action, ("find", "cancel", "go"))
        if action == "find":
            self._begin(content)
        elif action == "cancel":
            self._cancel()
        else:
            self._go()

    def settings_changed(self) -> None:
        """Send what the sentence may be made of; a search that runs keeps its settings."""
        settings = self._host.settings
        self._host.publish(
            self.name,
            "form",
            knobs=numeric_knobs(),
            methods=[[name, label(name)] for name in settings.methods],
            wants=list(WANTS),
            costs=[[of, words, UNITS[of][0]] for of, words in COSTS.items()],
            minutes=settings.scenario.horizon_s / 60,
        )

    def run_changed(self) -> None:
        """Do nothing: a search has runs of its own."""

    def close(self) -> None:
        """End the search."""
        if self._job is not None:
            self._job.cancel()

    def _begin(self, content: Mapping[str, Any]) -> None:
        settings = self._host.settings
        question = question_of(content, settings)
        self.close()
        self._newest = None
        self._host.publish(self.name, "state", phase="running", text="Starting …", trials=[])

        def work(job: Job) -> None:
            for finding in find(question, job.crew):
                if job.cancelled:
                    return
                self._newest = settings, finding
                self._show(finding, "done" if finding.finished else "running")

        self._job = Job(work, self._fail)

    def _cancel(self) -> None:
        self.close()
        if self._newest is not None:
            self._show(self._newest[1], "cancelled")
        else:
            self._host.publish(self.name, "state", phase="cancelled", text="Cancelled.", trials=[])

    def _fail(self, text: str) -> None:
        self._host.publish(self.name, "error", text=text)
        self._host.publish(self.name, "state", phase="failed", text="", trials=[])

    def _go(self) -> None:
        found = None if self._newest is None else self._newest[1].answer
        require(found is not None, "there is no answer to go to", "a search that found one")
        settings, finding = self._newest  # type: ignore[misc]
        self._host.apply(settings.set(**{finding.question.knob: found.value}))  # type: ignore[union-attr]

    def _show(self, finding: Finding, phase: str) -> None:
        self._host.publish(self.name, "state", **message(finding, phase))


def question_of(content: Mapping[str, Any], settings: Settings) -> Question:
    """Read the sentence that a page sends.

    Args:
        content: `want`, `knob`, `method`, `target` in percent, `of`, `seeds`, and perhaps `within`
            in the unit of the cost, `low` and `high`.
        settings: what the Lab is set to.

    Raises:
        ValueError: something that is no such sentence.
    """
    words = {key: content.get(key) for key in ("want", "knob", "method", "of")}
    for key, value in words.items():
        require(isinstance(value, str), f"{key} = {shown(value)}", "a name")
    choice("method", words["method"], settings.methods)
    choice("of", words["of"], UNITS)
    numbers = {
        key: None if content.get(key) is None else float(number(key, content[key], 0, 1e12))
        for key in ("within", "low", "high", "target")
    }
    target = float(number("target in percent", numbers["target"], 0, 100))
    within = numbers["within"]
    return Question(
        settings.comparison,
        str(words["knob"]),
        str(words["want"]),
        target / 100,
        str(words["of"]),
        None if within is None else within * UNITS[str(words["of"])][1],
        str(words["method"]),
        content.get("seeds", 3),
        numbers["low"],
        numbers["high"],
    )


def message(finding: Finding, phase: str) -> dict[str, Any]:
    """Return a finding as plain values for the page."""
    ask, found = finding.question, finding.answer
    unit, per = UNITS[ask.of]
    ending = {"done": "", "cancelled": "Cancelled. So far: "}.get(phase, "So far: ")
    known = bool(finding.complete)
    style = method_styles([ask.method])[ask.method]
    return {
        "phase": phase,
        "text": ending + in_words(finding) if known else "",
        "done": finding.done,
        "expected": finding.expected,
        "left_s": finding.seconds_left,
        "knob": ask.knob,
        "label": NUMERIC[ask.knob].label,
        "cost": COSTS[ask.of],
        "unit": unit,
        "limit": None if ask.within is None else ask.within / per,
        "limit_text": "" if ask.within is None else amount(ask.of, ask.within),
        "colours": [style.light, style.dark],
        "answer": None if found is None else found.value,
        "answer_text": "" if found is None else spell(ask.knob, found.value),
        "trials": [
            {
                "value": trial.value,
                "text": spell(ask.knob, trial.value),
                "costs": [_plain(cost / per) for cost in trial.costs],
                "median": _plain(trial.median / per) if trial.costs else None,
                "reason": trial.reason,
                "running": trial.value in finding.running,
            }
            for trial in finding.trials
        ],
    }


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
