def my_peak(layers, batch):
    """Return the peak memory of one training step of a dense net, in bytes.

    `layers` has (inputs, outputs) of each layer, in order; each has a bias per output. A number
    takes 4 bytes, a label 8. Everything is trained, by plain SGD.
    """
    ### BEGIN SOLUTION
    weights = [4 * (inputs * outputs + outputs) for inputs, outputs in layers]
    alive = sum(weights) + 4 * batch * layers[0][0] + 8 * batch
    saved = [0] + [4 * batch * inputs for inputs, _ in layers[1:]]
    moments = []
    for keep, (_, outputs) in zip(saved, layers, strict=True):
        moments.append(alive + keep + 4 * batch * outputs)
        alive += keep
    moments.append(alive + 2 * 4 * batch * layers[-1][1])
    alive += 4
    for k in reversed(range(len(layers))):
        alive += weights[k]
        moments.append(alive + 4 * batch * layers[k][1] + saved[k])
        alive -= saved[k]
    return max(moments)
    ### END SOLUTION
