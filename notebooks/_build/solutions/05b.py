def slow_rounds(straggler_share, cohort):
    """The chance that a cohort of so many devices, drawn at random, holds at least one straggler."""
    ### BEGIN SOLUTION
    return 1 - (1 - straggler_share) ** cohort
    ### END SOLUTION
