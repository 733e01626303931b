"""Train part of a run in worker processes."""
