def mix(shared, own, alpha):
    """Return the parameters that a device takes, as a list."""
    ### BEGIN SOLUTION
    return [s + alpha * (w - s) for s, w in zip(shared, own, strict=True)]
    ### END SOLUTION
