def round_seconds(download_s, compute_s, upload_s):
    """How long a synchronous round lasts; one entry per device in each list."""
    ### BEGIN SOLUTION
    return max(d + c + u for d, c, u in zip(download_s, compute_s, upload_s, strict=True))
    ### END SOLUTION
