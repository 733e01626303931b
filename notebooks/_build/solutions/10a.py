def submission():
    """Return the code of the Lab that you submit."""
    ### BEGIN SOLUTION
    return LIMITS.start(budget_kib=170.0, concurrency=49, buffer=5, rate=1.25).code()
    ### END SOLUTION
