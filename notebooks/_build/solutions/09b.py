def read_input(weight_gradient, bias_gradient):
    """Return the one input that a dense layer trained on.

    The gradients have the shapes (units, inputs) and (units,).
    """
    ### BEGIN SOLUTION
    w, b = np.asarray(weight_gradient), np.asarray(bias_gradient)
    k = np.abs(b).argmax()
    return w[k] / b[k]
    ### END SOLUTION
