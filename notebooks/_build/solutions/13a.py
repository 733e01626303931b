def overhead(payload, framed):
    """Return the bytes that a carrier adds, as a share of the payload."""
    ### BEGIN SOLUTION
    return (framed - payload) / payload
    ### END SOLUTION
