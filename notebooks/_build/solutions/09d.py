def my_finding():
    """Return three things: `lab.code`, the digits that an update shows, and two sentences."""
    ### BEGIN SOLUTION
    code = (
        "ftte2-UfdvwxZdpMQF1mAyQg4mA6RggvDAQQBkovkZnp1ACRQl9YIE0PMQPKMaoAUOONBR8rwhPD1Dky3E"
        "bnimBedU1KIGGNEYOQpsURnQtYl5yci5B-wpzFA3xRHskICpBQA"
    )
    words = (
        "One step on eight digits shows 6.6 of them with 8 bits, and 6.4 with 32. "
        "More steps hide some of them, fewer bits hide none."
    )
    return code, 6.6, words
    ### END SOLUTION
