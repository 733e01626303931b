def read_input(weight_gradient, bias_gradient):
    """The input of a dense layer that saw one sample, from its gradients (units, inputs) and (units,)."""
    ### BEGIN SOLUTION
    w, b = np.asarray(weight_gradient), np.asarray(bias_gradient)
    k = np.abs(b).argmax()
    return w[k] / b[k]
    ### END SOLUTION
