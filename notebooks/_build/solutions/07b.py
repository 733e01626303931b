def coefficients(age, variance, variance_ref):
    """One coefficient per update, by age (exponent 1/2) and variance (exponent 1); they add up to 1."""
    ### BEGIN SOLUTION
    weights = (1 + np.asarray(age)) ** -0.5 / (1 + np.asarray(variance) / variance_ref)
    return weights / weights.sum()
    ### END SOLUTION
