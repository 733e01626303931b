def unbeaten(costs):
    """Names whom nobody beats: no more on every count and less on one. `costs` holds a list of numbers per name."""

    ### BEGIN SOLUTION
    def beats(a, b):
        return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))

    return [name for name, mine in costs.items() if not any(beats(other, mine) for other in costs.values())]
    ### END SOLUTION
