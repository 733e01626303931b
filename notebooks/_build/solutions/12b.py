def share_hurt(before, after):
    """Return the share of the devices whose own model is worse than the shared one."""
    ### BEGIN SOLUTION
    return sum(b > a for b, a in zip(before, after, strict=True)) / len(before)
    ### END SOLUTION
