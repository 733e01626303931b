def time_to(seconds, accuracy, target):
    """The first moment at which the accuracy is at least the target; None if it never is."""
    ### BEGIN SOLUTION
    for s, a in zip(seconds, accuracy, strict=True):
        if a >= target:
            return s
    return None
    ### END SOLUTION
