def my_finding():
    """Return three things: `lab.code`, the KiB of an update there, and two sentences."""
    ### BEGIN SOLUTION
    code = "ftte2-VR9vIxhdpEYO1nAzQg43A6Rwg_DAYYI_EIyMTNADwQgSCGVA5Yl5ycjpGWwqaeEAAA"
    words = (
        "With 224 KiB the search reaches back to tensors of an earlier block, which gain more. "
        "Its memory goes into the stored outputs on the way there, so fewer numbers are trained."
    )
    return code, 10.2, words
    ### END SOLUTION
