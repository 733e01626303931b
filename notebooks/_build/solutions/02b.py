def unlikeness(mine, everyone):
    """Half the sum of the absolute differences of the class shares; the arguments are counts per class."""
    ### BEGIN SOLUTION
    p, q = np.asarray(mine) / np.sum(mine), np.asarray(everyone) / np.sum(everyone)
    return 0.5 * np.abs(p - q).sum()
    ### END SOLUTION
