"""`ftte-lab collect` and `ftte-lab judge`: what a class handed in, for its teacher."""

from __future__ import annotations

from pathlib import Path

import click

from ftte_lab._common import say, write_atomic, writing_to


@click.command()
@click.argument("folder", metavar="FOLDER")
@click.option("--to", default="collected", metavar="FOLDER", help="For the results: ./collected.")
@click.option("--measured", is_flag=True, help="Mark in the histograms what was measured.")
def collect(folder: str, to: str, measured: bool) -> None:
    """Put the reports in FOLDER into one table, with a histogram of each prediction."""
    # It needs the extra `lab`; without it the command says so, and all others still work.
    from ftte_lab.course import collect as gather

    done = gather(folder, to, measured=measured)
    say(done)
    say(f"\nWritten to {to}: class.csv, summary.txt, {len(done.slides)} histograms")


@click.command()
@click.argument("folder", metavar="FOLDER")
@click.option("--secret", required=True, help="A sentence of yours; it makes the seeds.")
@click.option("--to", default="judged.csv", metavar="FILE", help="For the ranking: judged.csv.")
def judge(folder: str, secret: str, to: str) -> None:
    """Judge the capstone codes in FOLDER on seeds that a secret makes, and rank them."""
    from ftte_lab.course import judge_folder

    done = judge_folder(folder, secret, progress=lambda name: say(f"... {name}"))
    path = Path(to)
    with writing_to(path.parent, "Choose another file"):
        write_atomic(path, done.table().encode("utf-8-sig"))
    say(done)
    say(f"\nWritten to {to}")
