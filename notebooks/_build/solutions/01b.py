def overall_accuracy(accuracies, samples):
    """The share of all samples that is right, from each client's accuracy and number of samples."""
    ### BEGIN SOLUTION
    right = sum(a * n for a, n in zip(accuracies, samples, strict=True))
    return right / sum(samples)
    ### END SOLUTION
