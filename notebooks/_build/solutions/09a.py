def mask_bytes(entries, trained):
    """Return the bytes of [a bit mask over all entries, a list of the trained ones as int32]."""
    ### BEGIN SOLUTION
    return [math.ceil(entries / 8), 4 * trained]
    ### END SOLUTION
