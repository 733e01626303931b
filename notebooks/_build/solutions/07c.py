def my_step(model, updates):
    """Return the server's new model, one number per parameter, from one update per row.

    One device in ten sends ten times its update with the wrong sign. You do not know which one.
    """
    ### BEGIN SOLUTION
    lengths = np.linalg.norm(updates, axis=1)
    usual = np.median(lengths)
    kept = []
    for update, length in zip(updates, lengths, strict=True):
        if length <= 3 * usual:
            kept.append(update)
    return model + np.mean(kept, axis=0)
    ### END SOLUTION
