def my_clock(begin, places, capacity, waits, horizon_s):
    """Return when the server steps, as a list of seconds: the event loop of a virtual clock.

    `begin(now)` starts a device at that moment, and returns when its update arrives. As many work
    at once as there are `places`. The server steps when `capacity` updates have arrived.
    If it `waits`, free places are filled only after a step; otherwise at every arrival.
    An arrival at `horizon_s` still counts, a later one does not.
    """
    ### BEGIN SOLUTION
    under_way, steps, waiting = [begin(0.0) for _ in range(places)], [], 0
    while under_way:
        now = min(under_way)
        if now > horizon_s:
            break
        under_way.remove(now)
        waiting += 1
        full = waiting == capacity
        if full:
            steps.append(now)
            waiting = 0
        while (full or not waits) and len(under_way) < places:
            under_way.append(begin(now))
    return steps
    ### END SOLUTION
