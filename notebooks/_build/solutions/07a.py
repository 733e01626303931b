def staleness_weight(age, exponent):
    """Return one weight per update: (1 + age) to the power of minus the exponent.

    So it is 1 for a fresh update, and less for an older one.
    """
    ### BEGIN SOLUTION
    return (1.0 + np.asarray(age)) ** -exponent
    ### END SOLUTION
