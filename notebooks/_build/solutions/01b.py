def overall_accuracy(accuracies, samples):
    """Return the share of all samples that is right.

    The arguments are each client's accuracy and number of samples.
    """
    ### BEGIN SOLUTION
    right = sum(a * n for a, n in zip(accuracies, samples, strict=True))
    return right / sum(samples)
    ### END SOLUTION
