def step_times(arrivals_s, capacity):
    """Return when the server steps: each time its buffer of that capacity is full.

    The arrivals are in any order.
    """
    ### BEGIN SOLUTION
    return sorted(arrivals_s)[capacity - 1 :: capacity]
    ### END SOLUTION
