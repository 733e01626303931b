def my_finding():
    """Return three things: `lab.code`, FTTE's peak memory there in KiB, and two sentences."""
    ### BEGIN SOLUTION
    code = "ftte2-qzc_o2N0QWNh8Ae4ibEhjgBHSUEWVIkAAA"
    words = (
        "With eight samples at once the stored outputs fill the memory, so a quarter of the model "
        "needs more than three times as much. Micro-batches save memory, the subset saves bytes."
    )
    return code, 430, words
    ### END SOLUTION
