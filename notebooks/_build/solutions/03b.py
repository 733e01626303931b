def largest_batch(peak_bytes, budget_bytes):
    """Return the largest batch with peak_bytes(batch) within the budget; 0 if there is none."""
    ### BEGIN SOLUTION
    batch = 0
    while peak_bytes(batch + 1) <= budget_bytes:
        batch += 1
    return batch
    ### END SOLUTION
