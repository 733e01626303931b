def noise_beside_clip(noise_multiplier, entries, updates):
    """Return the length of the noise in a mean of updates, in clip norms."""
    ### BEGIN SOLUTION
    return noise_multiplier * entries**0.5 / updates
    ### END SOLUTION
