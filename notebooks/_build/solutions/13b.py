def updates_until(horizon_s, job_s, carrier_s):
    """Return how many updates all clients send together until the horizon.

    `job_s` has the seconds that a job of each client takes. The carrier takes `carrier_s` besides,
    for every job. A client begins its next job as soon as its update has arrived.
    """
    ### BEGIN SOLUTION
    return sum(horizon_s / (job + carrier_s) for job in job_s)
    ### END SOLUTION
