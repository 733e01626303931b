def my_finding():
    """Return three things: `lab.code`, how many in a hundred are hurt, and two sentences."""
    ### BEGIN SOLUTION
    code = (
        "ftte2-VbCIIxhdpEYO1nAzQg43A6Rwg_DAYQJkogUCNEUagv0KS71AH8LznSlQHCWZg5I2emaD52iwMall"
        "iTmliaDsVwzJFcjBCooVaMqHJnCIo-DZG5ynsZUFIIsxsiDYwjKgbxLzkpGzG9jTpEUTAA"
    )
    words = (
        "Ten samples each of nearly the same mix: the own layer learns these ten by heart, and "
        "the shared one was already right. With a choice 32 in a hundred are hurt, not 72."
    )
    return code, 72, words
    ### END SOLUTION
