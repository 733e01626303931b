def age(started_s, arrived_s, steps_s):
    """Return how many server steps an update missed between its start and its arrival."""
    ### BEGIN SOLUTION
    return sum(started_s < t < arrived_s for t in steps_s)
    ### END SOLUTION
