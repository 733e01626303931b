def unlikeness(mine, everyone):
    """Return half the sum of the absolute differences of the class shares.

    The arguments are counts per class.
    """
    ### BEGIN SOLUTION
    p, q = np.asarray(mine) / np.sum(mine), np.asarray(everyone) / np.sum(everyone)
    return 0.5 * np.abs(p - q).sum()
    ### END SOLUTION
