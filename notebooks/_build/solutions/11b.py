def masked_row(row, later, earlier):
    """Return a row of whole numbers under its mask, modulo 2^32.

    `later` and `earlier` are lists of streams, each as long as the row.
    """
    ### BEGIN SOLUTION
    added = [sum(stream[i] for stream in later) for i in range(len(row))]
    taken = [sum(stream[i] for stream in earlier) for i in range(len(row))]
    return [(v + a - t) % 2**32 for v, a, t in zip(row, added, taken, strict=True)]
    ### END SOLUTION
