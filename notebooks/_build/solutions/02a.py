def deal(members, shares):
    """Cut the samples of one class into one piece per client, as large as its share.

    `members` is a list of the numbers of the samples.
    """
    ### BEGIN SOLUTION
    cuts = np.round(np.cumsum(shares)[:-1] * len(members)).astype(int)
    return np.split(np.asarray(members), cuts)
    ### END SOLUTION
