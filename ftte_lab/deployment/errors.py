"""Name what ends a run of real processes."""


class DeploymentError(RuntimeError):
    """Nodes did not come, or are gone, so that a run cannot go on."""
