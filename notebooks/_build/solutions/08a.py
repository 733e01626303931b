def verdict(ours, theirs):
    """Return "ours" if better on every seed, "theirs" if worse on every seed, else "unclear"."""
    ### BEGIN SOLUTION
    if all(a > b for a, b in zip(ours, theirs, strict=True)):
        return "ours"
    if all(a < b for a, b in zip(ours, theirs, strict=True)):
        return "theirs"
    return "unclear"
    ### END SOLUTION
