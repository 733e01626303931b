"""Random scenarios: how they are drawn, how one is run, and what must hold of every run.

    python -m tests.fuzz 1000            run a thousand of them
    python -m tests.fuzz 20 --seed 7     others

A scenario ends in a refusal of one sentence, or in a run whose books balance (see `books`). Small
fleets and nets, so that a hundred take about a minute; every setting that is declared is drawn.
"""
