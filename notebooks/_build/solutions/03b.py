def largest_batch(peak_bytes, budget_bytes):
    """The largest batch whose peak_bytes(batch) stays within the budget; 0 if not even 1 does."""
    ### BEGIN SOLUTION
    batch = 0
    while peak_bytes(batch + 1) <= budget_bytes:
        batch += 1
    return batch
    ### END SOLUTION
