def unbeaten(costs):
    """Return the names that no other beats. `costs` holds a list of numbers per name.

    One beats another if it costs no more on every count, and less on at least one.
    """

    ### BEGIN SOLUTION
    def beats(a, b):
        pairs = list(zip(a, b, strict=True))
        return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)

    return [name for name in costs if not any(beats(it, costs[name]) for it in costs.values())]
    ### END SOLUTION
