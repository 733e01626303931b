"""`ftte-lab run`: one method on one scenario, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ftte_lab._common import number, percent, say, size
from ftte_lab.cli.values import comparison_of
from ftte_lab.simulation import History
from ftte_lab.simulation import run as run_scenario


@click.command()
@click.argument("what", metavar="PRESET|CODE", default="default")
@click.option("--method", default="ftte", metavar="M", help="Such as fedavg (default: ftte).")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Such as buffer=3.")
@click.option("--seed", type=int, metavar="S", help="From 0 upwards.")
@click.option("--target", type=float, default=0.9, metavar="A", help="Accuracy (default: 0.9).")
@click.option("--json", "as_json", is_flag=True, help="Print the complete record as JSON.")
@click.option("--save", type=click.Path(path_type=Path), metavar="FILE", help="Keep the record.")
def run(
    what: str,
    method: str,
    settings: Sequence[str],
    seed: int | None,
    target: float,
    as_json: bool,
    save: Path | None,
) -> None:
    """Run one method on a preset, or on the scenario of a share code.

    docs/scenario.md lists all settings.
    """
    number("target", target, 0, 1, fix="An accuracy is a share, not a percentage")
    history = run_scenario(comparison_of(what, settings).run(method, seed))
    if save is not None:
        history.save(save)
    say(history.to_json() if as_json else "\n".join(summary(history, target)))


def summary(history: History, target: float) -> list[str]:
    """Write what a run came to, in sentences.

    Args:
        history: of the run.
        target: test accuracy from 0 to 1.
    """
    at, facts = history.time_to(target), history.facts
    last = history.points.iloc[-1]
    when = "not reached" if at is None else f"reached after {at:,.0f} virtual s"
    return [
        f"accuracy at the end: {percent(history.final())}; {percent(target)} {when}",
        f"peak memory on the weakest device: {size(facts['peak_memory_bytes'])}",
        f"upload per update: {size(facts['upload_bytes_per_update'])}",
        f"all devices together: {size(last['total_bytes'])} up and down, "
        f"{last['energy_j']:,.0f} J; on the slowest tenth's data "
        f"{percent(history.final('straggler_accuracy'))}",
    ]
