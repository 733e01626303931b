def my_finding():
    """Return three things: `lab.code`, the seconds of a typical round there, and two sentences."""
    ### BEGIN SOLUTION
    code = "ftte2-7u_ZwxZdpMQF1mAyQg4mA6RggvDAQYDpZ5QEa4LiYSMTiIcxUrmBHtBHZUATEvOSkVM00CLsnoY4qxYA"
    words = (
        "Among four devices there is mostly no straggler, so a round takes 15 seconds. "
        "But each step now averages four updates, so it is noisier, and most devices are idle."
    )
    return code, 15.2, words
    ### END SOLUTION
