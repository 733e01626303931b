def choose(gains, sizes, budget):
    """Return the positions of the pieces to train: at most `budget` bytes, and much gain."""
    ### BEGIN SOLUTION
    chosen, used = [], 0
    for k in sorted(range(len(gains)), key=lambda k: -gains[k] / sizes[k]):
        if used + sizes[k] <= budget:
            chosen.append(k)
            used += sizes[k]
    return chosen
    ### END SOLUTION
