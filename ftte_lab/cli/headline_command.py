"""`ftte-lab headline`: FTTE, FedAvg and FedBuff on the same fleet, in one table."""

from __future__ import annotations

import click

from ftte_lab._common import say, spelled, write_json
from ftte_lab.experiments import PRESETS, Comparison, best_rates, preset, savings, table, tune
from ftte_lab.experiments import headline as compare


@click.command(epilog="Presets: " + "; ".join(f"{name}: {p.about}" for name, p in PRESETS.items()))
@click.argument("name", metavar="PRESET", default="default")
@click.option("--seed", type=int, default=0, metavar="S", help="From 0 upwards (default: 0).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.option("--tune", "tuning", is_flag=True, help="Tune the server rates; takes long.")
def headline(name: str, seed: int, as_json: bool, quiet: bool, tuning: bool) -> None:
    """Compare FTTE with FedAvg and FedBuff on the same simulated fleet."""
    chosen = preset(name)
    if tuning:
        _tune(chosen)
        return
    report = compare(chosen.runs(seed), progress=not quiet, processes=None)
    if as_json:
        content = {"preset": name, "seed": seed, **report.to_dict()}
        say(write_json(spelled(content)))
        return
    say(f"{chosen.about}; seed {seed}")
    say(f"target: {100 * report.target_accuracy:.1f} % test accuracy, 95 % of FedAvg's best\n")
    say(table(report))
    say()
    say("\n".join(savings(report)))
    say(
        '"81 % faster" may mean time saved or speed gained: both are printed. All figures are ours.'
    )


def _tune(chosen: Comparison) -> None:
    scores = tune(chosen, progress=True, processes=None)
    for name, by_rate in scores.items():
        say(f"{name:>8}  " + "  ".join(f"{rate:g}: {score:.4f}" for rate, score in by_rate.items()))
    say(f"best:  {best_rates(scores)}")
