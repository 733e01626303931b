"""The answer of a search in words, with its uncertainty."""

from __future__ import annotations

import math

from ftte_lab._common import percent, seconds
from ftte_lab.experiments.knob_values import spell
from ftte_lab.experiments.question import Finding, Question, Trial
from ftte_lab.simulation import METHODS, SETTINGS

COSTS = {
    "sim_seconds": "virtual time",
    "updates": "client updates",
    "upload_bytes": "bytes sent",
    "total_bytes": "bytes sent and received",
    "energy_j": "energy",
}
"""What a search can count as cost, in words, by the name of the axis."""


def in_words(finding: Finding) -> str:
    """Return what a search found so far as one or a few sentences.

    Example:
        >>> from ftte_lab.experiments import Comparison
        >>> from ftte_lab.simulation import Scenario
        >>> ask = Question(Comparison(Scenario()), "buffer", "smallest", 0.9, within=1200.0)
        >>> trials = (Trial(4, (1500.0, 1100.0, math.inf)), Trial(5, (900.0, 800.0, 950.0)))
        >>> in_words(Finding(ask, trials, finished=True)).partition(": ")[2]
        'with 5, 3 of 3 seeds reach 90 % within 20 min; with 4, 1 of 3.'
    """
    if finding.answer is None:
        return _none(finding)
    if finding.question.want == "cheapest":
        return _cheapest(finding, finding.answer)
    return _threshold(finding, finding.answer)


def amount(of: str, value: float) -> str:
    """Write a cost with its unit.

    Example:
        >>> amount("sim_seconds", 1200), amount("total_bytes", 2.5e6), amount("energy_j", 12345)
        ('20 min', '2.5 MB', '12,345 J')
    """
    if of == "sim_seconds":
        return seconds(value)
    if of.endswith("_bytes"):
        return f"{value / 1e6:,.1f} MB"
    return f"{value:,.0f} {'J' if of == 'energy_j' else 'updates'}"


def _name(ask: Question) -> str:
    return SETTINGS[ask.knob].label.partition(",")[0]


def _goal(ask: Question) -> str:
    """Say what the seeds do, as in "reach 90 % within 20 min"."""
    goal = f"reach {percent(ask.target)}"
    if ask.within is None:
        return goal
    word = "within" if ask.of == "sim_seconds" else "with at most"
    return f"{goal} {word} {amount(ask.of, ask.within)}"


def _of_seeds(ask: Question, trial: Trial) -> str:
    if trial.reason:
        return "nothing can be trained"
    return f"{trial.within(ask.within)} of {len(trial.costs)}"


def _threshold(finding: Finding, found: Trial) -> str:
    ask, beside = finding.question, finding.beside
    here, seeds = spell(ask.knob, found.value), "seed" if ask.seeds == 1 else "seeds"
    goal, name = _goal(ask), _name(ask)
    if beside is None:
        text = (
            f"Already {here}, the {ask.want} value of the range, does: "
            f"{_of_seeds(ask, found)} {seeds} {goal}."
        )
    else:
        there = spell(ask.knob, beside.value)
        low, high = (there, here) if ask.want == "smallest" else (here, there)
        text = (
            f"The {ask.want} {name} lies between {low} and {high}: "
            f"with {here}, {_of_seeds(ask, found)} {seeds} {goal}; "
            f"with {there}, {_of_seeds(ask, beside)}."
        )
        if beside.reason:
            text = (
                f"The {ask.want} {name} is {here}: "
                f"with it, {_of_seeds(ask, found)} {seeds} {goal}; "
                f"with {there} {beside.reason}."
            )
    return " ".join([text, *_doubts(finding, found)])


def _doubts(finding: Finding, found: Trial) -> list[str]:
    """Say what speaks against a clean threshold."""
    ask = finding.question
    beyond = [t for t in finding.complete if _is_beyond(ask, t, found) and not finding.does(t)]
    doubts = []
    if beyond:
        values = ", ".join(spell(ask.knob, t.value) for t in beyond[:3])
        side = "larger" if ask.want == "smallest" else "smaller"
        doubts.append(f"No clean threshold: values that are {side} fail, too ({values}).")
    if found.within(ask.within) < len(found.costs):
        doubts.append("The seeds disagree: try more of them.")
    if ask.seeds == 1:
        doubts.append("One seed is no proof.")
    return doubts


def _is_beyond(ask: Question, trial: Trial, found: Trial) -> bool:
    """Return whether a value lies on the side where all should do it."""
    return trial.value > found.value if ask.want == "smallest" else trial.value < found.value


def _cheapest(finding: Finding, found: Trial) -> str:
    ask = finding.question
    cost = amount(ask.of, found.median)
    here = spell(ask.knob, found.value)
    text = f"The cheapest {_name(ask)} is {here}: {cost} until {percent(ask.target)}"
    ends = [amount(ask.of, c) for c in (min(found.costs), max(found.costs)) if math.isfinite(c)]
    if ask.seeds > 1 and len(ends) == 2:
        text += f" (median of {len(found.costs)} seeds, from {ends[0]} to {ends[1]})"
    sentences = [f"{text}."]
    level = [t.value for t in finding.complete if t is found or _is_level(t, found)]
    if len(level) > 1:
        low, high = (spell(ask.knob, v) for v in (min(level), max(level)))
        sentences.append(f"From {low} to {high} the seeds do not agree which value is cheaper.")
    if found.value in (ask.scale[0], ask.scale[-1]):
        sentences.append("It is the end of the range: beyond it may be cheaper still.")
    if len(ends) < 2:
        sentences.append("Not every seed reaches it.")
    if ask.seeds == 1:
        sentences.append("One seed is no proof.")
    return " ".join(sentences)


def _is_level(trial: Trial, found: Trial) -> bool:
    """Return whether at least one seed finds another value as cheap as the cheapest one."""
    if not math.isfinite(trial.median):
        return False
    return any(a <= b for a, b in zip(trial.costs, found.costs, strict=False))


def _none(finding: Finding) -> str:
    ask, tried = finding.question, finding.complete
    if not tried:
        return "Nothing is known yet."
    low, high = (spell(ask.knob, t.value) for t in (tried[0], tried[-1]))
    head = f"Nothing from {low} to {high} does it"
    trained = [trial for trial in tried if not trial.reason]
    if not trained:
        return f"{head}: {tried[-1].reason}."
    best = max(trained, key=lambda t: (t.within(ask.within), -t.median))
    return (
        f"{head} with {METHODS[ask.method].label}: at best, with {_name(ask)} "
        f"{spell(ask.knob, best.value)}, {_of_seeds(ask, best)} "
        f"{'seed' if ask.seeds == 1 else 'seeds'} {_goal(ask)} ({len(tried)} values tried)."
    )
