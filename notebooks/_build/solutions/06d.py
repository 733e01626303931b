def my_finding():
    """Return three things: `lab.code`, the mean age of an update there, and two sentences."""
    ### BEGIN SOLUTION
    code = "ftte2-qob4wxFdpEYJ1tAyQg4tA6TQgvDAIYHN65BkaoLmZyOIn8uA6hLzkpGTL9A4PD4EAA"
    words = (
        "With K = 40 an update misses less than one step, because the server steps rarely. "
        "So it is fresh, but the model stands still while forty devices are awaited."
    )
    return code, 0.597, words
    ### END SOLUTION
