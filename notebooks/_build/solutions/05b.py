def slow_rounds(straggler_share, cohort):
    """Return the probability that a random cohort of so many devices contains a straggler."""
    ### BEGIN SOLUTION
    return 1 - (1 - straggler_share) ** cohort
    ### END SOLUTION
