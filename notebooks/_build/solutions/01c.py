def my_rounds(model, samples, train, rounds):
    """Return the server's model after each round of FedAvg: a list of flat arrays.

    `samples` has the number of samples of each client. `train(model, client, number)` returns the
    model of that client after its local training in round `number`, which counts from 0.
    """
    ### BEGIN SOLUTION
    share = np.asarray(samples) / np.sum(samples)
    models = []
    for number in range(rounds):
        updates = []
        for client in range(len(samples)):
            after = train(model, client, number)
            updates.append(np.asarray(after) - model)
        model = model + share @ np.asarray(updates)
        models.append(model)
    return models
    ### END SOLUTION
