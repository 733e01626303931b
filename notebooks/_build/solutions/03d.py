def my_finding():
    """Return three things: `lab.code`, the KiB of FedAvg's step there, and two sentences."""
    ### BEGIN SOLUTION
    code = "ftte2-DB0jwxFdpEYJ1tAyQg4tA6TQgvDAIYHpdSR_mkG8iRJvQB-UAZUm5iUjp2CgiXg8CQA"
    words = (
        "With micro-batches of one, only one sample has stored activations at a time. "
        "The gradient stays the same, but the step passes the net eight times."
    )
    return code, 177.7, words
    ### END SOLUTION
