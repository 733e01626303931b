def noise_beside_clip(noise_multiplier, entries, updates):
    """Return the length of the noise in a mean of updates, in clip norms."""
    ### BEGIN SOLUTION
    return noise_multiplier * math.sqrt(entries) / updates
    ### END SOLUTION
