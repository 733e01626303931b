"""Which parameters are worth training within a memory budget."""
