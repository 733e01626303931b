def my_finding():
    """Return three things: `lab.code`, the points that the first average loses, two sentences."""
    ### BEGIN SOLUTION
    code = (
        "ftte2-JAQawxZdpMQF1mAyQg4mA6RggvDAQQBkovkZmgAN9ICOhGctYFpDTciYuQmeZQ3QgslAz0wHNfebGM"
        "CTNjQFQ5wBz7_gTAsKKyUrUAyhZyqwDWVAByfmJSNnILC_iA54SNDUAgA"
    )
    words = (
        "From a random start the phones move to three places that have nothing in common. "
        "After a few rounds they begin near one good model, and the average is better than each."
    )
    return code, 7.8, words
    ### END SOLUTION
