def fedavg(rows, samples):
    """Return the mean of the clients' updates (one row each), weighted by their samples."""
    ### BEGIN SOLUTION
    weights = np.asarray(samples) / np.sum(samples)
    return weights @ np.asarray(rows)
    ### END SOLUTION
