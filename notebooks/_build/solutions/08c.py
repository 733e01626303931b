def my_ladder(fedavg, ftte):
    """Return a list of scenarios from FedAvg to FTTE: each rung has one idea more.

    `fedavg` and `ftte` are the scenarios of the two methods on one fleet. The name in the field
    `method` does not count.
    """
    ### BEGIN SOLUTION
    ideas = [
        ["refill", "buffer"],
        ["staleness", "variance_exponent", "sample_exponent"],
        ["micro_batch"],
        ["subset"],
        ["server_average"],
        ["server_rate"],
    ]
    rungs = [fedavg]
    for fields in ideas:
        taken = {name: getattr(ftte, name) for name in fields}
        rungs.append(rungs[-1].replace(**taken))
    return rungs
    ### END SOLUTION
