def my_finding():
    """Return three things: `lab.code`, how much a client differs on average, and two sentences."""
    ### BEGIN SOLUTION
    code = (
        "ftte2-zRqPIxhdpEYO1nAzQg43A6Rwg_DAYQJkogUCNEWagtTA85opiIOctEHJGT2DwXOx"
        "AVrIGYH40MQNTcMQe-E5GJxtMXIT2JwyoMMS85KRcw7Y_aSFOAA"
    )
    words = (
        "With a large α every client has all the classes, so all pull in about one direction. "
        "At equal work 64 local steps still cost four points, because there are fewer averages."
    )
    return code, 0.188, words
    ### END SOLUTION
