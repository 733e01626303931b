def my_local(model, gradient, steps, rate, pull):
    """Return a client's model after local training with FedProx's pull, as a flat array.

    `model` is where it begins. `gradient(own, step)` returns the gradient of the loss at a model,
    on the batch of that step, which counts from 0. `pull` is FedProx's μ.
    """
    ### BEGIN SOLUTION
    own = np.array(model)
    for step in range(steps):
        loss_slope = gradient(own, step)
        pull_slope = pull * (own - model)
        own = own - rate * (loss_slope + pull_slope)
    return own
    ### END SOLUTION
