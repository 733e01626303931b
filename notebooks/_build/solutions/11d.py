def my_finding():
    """Return three things: `lab.code`, the largest ε of a device, and two sentences."""
    ### BEGIN SOLUTION
    code = (
        "ftte2-HzVhlZTLCoAgEEV_KQS_RwZpIeQDpWjTvzddJxFrUTtFkZkz9ziOC-38GcYrJ9VzmjpOdQcGvHw0"
        "XQOq-U5zS8kumRCzl_iNQjVrgWXeaFnpUqzU5HfoMBJPu0kMyFmX7nu6hV6yXetrZkPnEF2ZjeffxyUuMM"
        "t7V2W08BG0WwOsHYVE4Rv3SsH28gHJ56EJyOME"
    )
    words = (
        "A buffer of 50 makes the noise short, and 250 devices that give five updates each keep "
        "the loss small. The clip norm changes neither, because the noise grows with it."
    )
    return code, 2.84, words
    ### END SOLUTION
