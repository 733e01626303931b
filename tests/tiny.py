"""A world that is prepared and trained in a blink, for tests of what stands above the engine."""

from ftte_lab.simulation import Scenario

TINY = Scenario(
    data="digits",
    model="mlp",
    clients=12,
    concurrency=6,
    buffer=3,
    local_steps=3,
    warm_start_steps=0,
    budget_kib=40.0,
    horizon_s=40.0,
    evaluations=15,
)
