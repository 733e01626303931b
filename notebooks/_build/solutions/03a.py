def stored_bytes(batch, channels, length):
    """Return the bytes of one stored float32 activation of shape (batch, channels, length)."""
    ### BEGIN SOLUTION
    return 4 * batch * channels * length
    ### END SOLUTION
