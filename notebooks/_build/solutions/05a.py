def round_seconds(download_s, compute_s, upload_s):
    """Return how long a synchronous round lasts; each list has one entry per device."""
    ### BEGIN SOLUTION
    return max(d + c + u for d, c, u in zip(download_s, compute_s, upload_s, strict=True))
    ### END SOLUTION
