def time_to(seconds, accuracy, target):
    """Return the first moment with an accuracy of at least the target; None if there is none."""
    ### BEGIN SOLUTION
    for s, a in zip(seconds, accuracy, strict=True):
        if a >= target:
            return s
    return None
    ### END SOLUTION
