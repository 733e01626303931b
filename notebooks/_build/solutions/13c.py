def job_seconds(timed_steps, timed_messages, steps, messages):
    """Return how many seconds a job takes on a device that was timed.

    `timed_steps` holds pairs: the FLOP of a step, and its seconds. `timed_messages` holds pairs:
    the bytes of a message, and its seconds. Each size was timed several times, in any order.
    The job has `steps`, the FLOP of each of them, and `messages`, the bytes of each of them.
    """
    ### BEGIN SOLUTION
    total = 0.0
    for timed, sizes in ((timed_steps, steps), (timed_messages, messages)):
        quickest = {}
        for size, seconds in timed:
            if size not in quickest or seconds < quickest[size]:
                quickest[size] = seconds
        x = list(quickest.keys())
        y = list(quickest.values())
        slope, fixed = np.polyfit(x, y, 1)
        for size in sizes:
            total += fixed + slope * size
    return total
    ### END SOLUTION
