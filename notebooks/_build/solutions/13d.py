def my_finding():
    """Return three things: `lab.code`, the percent of the updates, and two sentences."""
    ### BEGIN SOLUTION
    code = (
        "ftte2-pI6eIxhdpEYO1nAzQg43A6Rwg_DAYQJk4gkEE7CHYUkYmALhmc9EBzWpm2DmN3imBhuSWpaYU5oI"
        "yoFA3UaoIWsGVgErDcAORyk-jDGyBsTZ8AIAnOtRiy1gosHMsOCkgZFpITFYBgyAxLxk5BwKDifSYhYA"
    )
    words = (
        "With 8 bits a job is half as long, so the same carrier costs 12 % instead of 5 %. "
        "The buffer does not matter, and what FTTE saves in a message the carrier takes back."
    )
    return code, 11.9, words
    ### END SOLUTION
