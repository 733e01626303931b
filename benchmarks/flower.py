"""Time Flower's simulation runtime on a workload: one thread per actor."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from benchmarks.workloads import CLIENTS, COHORT, ROUNDS, Workload, workload


def flower(work: Workload) -> float:
    """Return the seconds from the first round to the last."""
    from flwr.client import ClientApp
    from flwr.server import ServerApp
    from flwr.simulation import run_simulation

    marks: list[float] = []
    run_simulation(
        ServerApp(server_fn=_server(work, marks)),
        ClientApp(client_fn=_client(work.name)),
        CLIENTS,
        backend_config={"client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
    )
    return marks[-1] - marks[0]


def _client(name: str) -> Callable[[Any], Any]:
    """Return what makes a client; an actor makes the workload itself, once."""
    from flwr.client import NumPyClient

    class Client(NumPyClient):  # type: ignore[misc]
        def __init__(self, number: int) -> None:
            self.number = number

        def fit(
            self, parameters: list[np.ndarray], config: Any
        ) -> tuple[list[np.ndarray], int, dict[str, Any]]:
            torch.set_num_threads(1)
            own = workload(name)
            for p, value in zip(own.net.parameters(), parameters, strict=True):
                p.data = torch.from_numpy(value.copy())
            optimiser = torch.optim.SGD(own.net.parameters(), lr=own.rate)
            for at in torch.as_tensor(own.shards()[self.number]).split(own.batch):
                optimiser.zero_grad()
                cross_entropy(own.net(own.x[at]), own.y[at]).backward()
                optimiser.step()
            return [p.detach().numpy() for p in own.net.parameters()], own.samples, {}

    return lambda context: Client(int(context.node_config["partition-id"])).to_client()


def _server(work: Workload, marks: list[float]) -> Callable[[Any], Any]:
    """Return what makes the server; it notes the time at both ends of each round in `marks`."""
    from flwr.common import ndarrays_to_parameters
    from flwr.server import ServerAppComponents, ServerConfig
    from flwr.server.strategy import FedAvg

    class Timed(FedAvg):  # type: ignore[misc]
        def configure_fit(self, *arguments: Any, **named: Any) -> Any:
            marks.append(time.perf_counter())
            return super().configure_fit(*arguments, **named)

        def aggregate_fit(self, *arguments: Any, **named: Any) -> Any:
            out = super().aggregate_fit(*arguments, **named)
            marks.append(time.perf_counter())
            return out

    def server(_: Any) -> Any:
        strategy = Timed(
            fraction_fit=COHORT / CLIENTS,
            min_fit_clients=COHORT,
            fraction_evaluate=0.0,
            initial_parameters=ndarrays_to_parameters(
                [p.detach().numpy() for p in work.net.parameters()]
            ),
        )
        return ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=ROUNDS))

    return server
