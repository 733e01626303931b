def my_receive(server, update, started):
    """Take in one update, and step when the buffer is full. Change `server`; return nothing.

    `server` has `model` (an array), `version` (steps so far), `capacity` (K) and `buffer`, a list
    for your use. `started` is the version that the client had downloaded.
    """
    ### BEGIN SOLUTION
    age = server.version - started
    weight = (1 + age) ** -0.5
    server.buffer.append(weight * update)
    if len(server.buffer) < server.capacity:
        return
    mean = sum(server.buffer) / server.capacity
    server.model = server.model + mean
    server.version += 1
    server.buffer = []
    ### END SOLUTION
