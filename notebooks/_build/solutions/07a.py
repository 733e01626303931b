def staleness_weight(age, exponent):
    """One weight per update: 1 if fresh, less if older; (1 + age) to the power of minus the exponent."""
    ### BEGIN SOLUTION
    return (1.0 + np.asarray(age)) ** -exponent
    ### END SOLUTION
