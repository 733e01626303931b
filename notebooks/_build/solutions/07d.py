def my_finding():
    """Return three things: `lab.code`, the share of the slow in percent, and two sentences."""
    ### BEGIN SOLUTION
    code = (
        "ftte2-3cJ0Q48uWCyRGidYg8sIObgMkIILwgMHBZCJ5nfUtGmIlDYN9AwRyRhoODwDmgGNQ0nvpgaYuQ"
        "45AMHBh1IwWMATPTxtI6d5UATBczk4a2PkOLAGSI4GBS8wHwFVlQF9lZiXjOojA2yxZIovmgA"
    )
    words = (
        "At a = 1.5 the slow half of the fleet has less than a hundredth of the weight. "
        "What only their owners do is then forgotten, and an average over all hides it."
    )
    return code, 0.929, words
    ### END SOLUTION
