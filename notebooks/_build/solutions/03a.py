def stored_bytes(batch, channels, length):
    """Bytes of one stored float32 activation of shape (batch, channels, length)."""
    ### BEGIN SOLUTION
    return 4 * batch * channels * length
    ### END SOLUTION
