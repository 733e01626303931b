"""`ftte-lab doctor`: whether this machine has everything that the course needs."""

from __future__ import annotations

import click


@click.command()
def doctor() -> int:
    """Check Python, packages, data, drawing and disk."""
    # It needs the extra `lab`; without it the command says so, and all others still work.
    from ftte_lab.course import doctor as examine

    return 0 if examine() else 1
