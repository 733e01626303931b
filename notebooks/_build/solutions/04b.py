def my_search(options, start, fits, gain):
    """Return what to train: a dict with a number of channels for each tensor that is trained.

    `options` lists what you may add, as (tensor, channels). `start` is what trains in any case.
    `fits(chosen)` says whether such a dict keeps within the budget, `gain(chosen)` its worth.
    """

    ### BEGIN SOLUTION
    def filled(order):
        chosen = dict(start)
        for tensor, channels in order:
            if tensor not in chosen and fits({**chosen, tensor: channels}):
                chosen[tensor] = channels
        return chosen

    best = filled(sorted(options, key=lambda option: -gain(dict([option]))))
    rng = np.random.default_rng(0)
    for _ in range(60):
        chosen = filled([options[k] for k in rng.permutation(len(options))])
        if gain(chosen) > gain(best):
            best = chosen
    return best
    ### END SOLUTION
