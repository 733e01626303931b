"""Write the settings of a Lab as a script that runs as it is and prints the scoreboard."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from ftte_lab._common import write_json
from ftte_lab.data import OWN_DATA
from ftte_lab.lab.settings import Settings

_WIDTH = 100
_LONGEST_NAMES = 85  # of a list of methods that stands in one line
_RUN = """
if __name__ == "__main__":  # processes that train import this file
    for seed in range({span}):
        runs = comparison.runs(seed)
        histories = run_all(runs, processes=None, progress=True)
        scores = scoreboard(
            {{name: prepare(run) for name, run in runs.items()}},
            {{name: history.points for name, history in histories.items()}},{target}
        )
        print(f"seed {{seed}}", scores.table().T.to_string(), scores.verdict(), sep="\\n")
"""


def as_python(settings: Settings) -> str:
    """Return a script that makes the runs of a Lab and prints their scoreboard.

    It writes only what differs from the defaults. Its lines have at most 100 characters.

    Args:
        settings: of the Lab.

    Example:
        >>> script = as_python(Settings().set(buffer=5))
        >>> [line.strip() for line in script.splitlines() if "buffer" in line]
        ['buffer=5,']
    """
    comparison, first = settings.comparison, settings.scenario.seed
    last = first + settings.seeds
    target = "" if settings.target is None else f"\n            target={settings.target!r},"
    lines = ["comparison = Comparison(", *_scenario(settings)]
    lines.append(f"    methods={_literal(comparison.methods, 4)},")
    if comparison.rates:
        lines.append(f"    rates={_literal(comparison.rates, 4)},")
    if comparison.own:
        lines.append(f"    own={_literal(comparison.own, 4)},")
    run = _RUN.format(span=f"{first}, {last}" if first else f"{last}", target=target)
    return "\n".join([*_heading(settings), *lines, ")", "", run.lstrip("\n")])


def _heading(settings: Settings) -> Iterator[str]:
    """Yield the lines up to the comparison: the share code, imports, own data."""
    data = settings.scenario.data
    yield '"""The runs of a Lab, as a script."""'
    yield ""
    yield "from ftte_lab import Comparison, Scenario, prepare, run_all"
    if data in OWN_DATA:
        yield "from ftte_lab.data import own_data"
    yield "from ftte_lab.experiments import scoreboard"
    yield ""
    yield "# The same in the Lab: Lab(code), with this share code."
    yield from (f"# {piece}" for piece in textwrap.wrap(settings.code(), _WIDTH - 2))
    if data in OWN_DATA:
        yield ""
        yield "# The file that was opened in the Lab."
        yield f"own_data({_literal(OWN_DATA[data].file)}, name={_literal(data)})"
    others = [one for one in settings.scenario.own_names() if one.split(" ")[0] != "data"]
    if others:
        yield ""
        yield f"# Register these first, they are your own: {', '.join(others)}."[:_WIDTH]
    yield ""


def _scenario(settings: Settings) -> list[str]:
    """Return the lines of the scenario; the seed is given to each run."""
    changed = {name: v for name, v in settings.scenario.changes().items() if name != "seed"}
    if not changed:
        return ["    Scenario(),"]
    fields = [f"        {name}={_literal(value, 8)}," for name, value in changed.items()]
    return ["    Scenario(", *fields, "    ),"]


def _literal(value: Any, indent: int = 0) -> str:
    """Return a value as Python writes it, a mapping with a line for each key."""
    if isinstance(value, Mapping):
        inner = " " * (indent + 4)
        lines = [f"{inner}{_text(k)}: {_literal(v, indent + 4)}," for k, v in value.items()]
        return "\n".join(["{", *lines, " " * indent + "}"]) if lines else "{}"
    if isinstance(value, tuple):
        names = ", ".join(map(_literal, value))
        if indent + len(names) > _LONGEST_NAMES:
            lines = [f"{' ' * (indent + 4)}{_literal(one)}," for one in value]
            return "\n".join(["(", *lines, " " * indent + ")"])
        return f"({names},)" if len(value) == 1 else f"({names})"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(value: str) -> str:
    """Return a text in double quotes."""
    return write_json(value, ensure_ascii=False)
