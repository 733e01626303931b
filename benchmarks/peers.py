"""Measure other simulators on the same work (e), where they are installed (peers.txt).

Clients, steps and model are the same. Each runs in a process of its own, after the plain loop in
the same process, so that each ratio comes from one run. Timed is what the simulator calls its
rounds; data, model and engine are built before.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from benchmarks.flower import flower
from benchmarks.timing import seconds
from benchmarks.workloads import CLIENTS, COHORT, ROUNDS, Workload, workload


def pfl_research(work: Workload) -> float:
    """Time pfl-research's simulated backend with its own PyTorch bridge."""
    from pfl.aggregate.simulate import SimulatedBackend
    from pfl.algorithm.base import NNAlgorithmParams
    from pfl.algorithm.federated_averaging import FederatedAveraging
    from pfl.data.dataset import Dataset
    from pfl.data.federated_dataset import FederatedDataset
    from pfl.hyperparam.base import NNTrainHyperParams

    shards = work.shards()
    users = {c: Dataset((work.x[shards[c]], work.y[shards[c]])) for c in range(CLIENTS)}
    order = iter(np.random.default_rng(0).integers(0, CLIENTS, 10_000).tolist())
    data = FederatedDataset(lambda c: users[c], lambda: next(order))
    arguments = {
        "algorithm_params": NNAlgorithmParams(
            central_num_iterations=ROUNDS,
            evaluation_frequency=10_000,
            train_cohort_size=COHORT,
            val_cohort_size=0,
        ),
        "backend": SimulatedBackend(training_data=data, val_data=None),
        "model": _pfl_model(work),
        "model_train_params": NNTrainHyperParams(
            local_num_epochs=1, local_learning_rate=work.rate, local_batch_size=work.batch
        ),
    }
    return seconds(lambda: FederatedAveraging().run(**arguments, send_metrics_to_platform=False))


def _pfl_model(work: Workload) -> Any:
    """Return the workload's net as pfl-research wants it."""
    from pfl.model.pytorch import PyTorchModel

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = work.net

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net(x)

        def loss(self, x: torch.Tensor, y: torch.Tensor, eval: bool = False) -> torch.Tensor:  # noqa: A002
            return cross_entropy(self(x), y)

        def metrics(self, x: torch.Tensor, y: torch.Tensor, eval: bool = True) -> dict[str, float]:  # noqa: A002
            return {}

    net = Net()
    central = torch.optim.SGD(net.parameters(), lr=1.0)
    return PyTorchModel(net, local_optimizer_create=torch.optim.SGD, central_optimizer=central)


def fedjax(work: Workload) -> float:
    """Time FedJAX's federated averaging, without the first round, which compiles."""
    import fedjax as fj
    import haiku as hk
    import jax

    def net(batch: Any) -> Any:
        x = batch["x"]
        if work.name == "digits-mlp":
            return hk.nets.MLP([64, 10])(x.reshape(len(x), -1))
        for channels in (16, 32, 64):
            x = hk.Conv2D(channels, 3, with_bias=False)(x)
            x = jax.nn.relu(hk.GroupNorm(4)(x))
            x = hk.max_pool(x, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        return hk.Linear(10)(x.reshape(len(x), -1))

    shards, x = work.shards(), work.x.movedim(1, -1).numpy()
    clients = {
        b"%03d" % c: {"x": x[shards[c]], "y": work.y.numpy()[shards[c]]} for c in range(CLIENTS)
    }
    data = fj.InMemoryFederatedData(clients)
    model = fj.create_model_from_haiku(
        hk.transform(net),
        sample_batch={k: v[: work.batch] for k, v in clients[b"000"].items()},
        train_loss=lambda batch, out: fj.metrics.unreduced_cross_entropy_loss(batch["y"], out),
    )
    optimisers = fj.optimizers.sgd(work.rate), fj.optimizers.sgd(1.0)
    local = fj.ShuffleRepeatBatchHParams(batch_size=work.batch, num_epochs=1, seed=0)
    algorithm = fj.algorithms.fed_avg.federated_averaging(fj.model_grad(model), *optimisers, local)
    sampler = fj.client_samplers.UniformGetClientSampler(data, COHORT, seed=0)
    state = algorithm.init(model.init(jax.random.PRNGKey(0)))
    state, _ = algorithm.apply(state, sampler.sample())

    def rounds() -> None:
        nonlocal state
        for _ in range(ROUNDS):
            state, _ = algorithm.apply(state, sampler.sample())
        jax.block_until_ready(state.params)

    return seconds(rounds)


_FLGO_CONFIG = """
import copy
from torch.nn.functional import cross_entropy
from torch.utils.data import TensorDataset
from benchmarks.workloads import CLIENTS, workload
work = workload({name!r})
train_data = TensorDataset(work.x[: CLIENTS * work.samples], work.y[: CLIENTS * work.samples])
test_data = TensorDataset(work.x[-64:], work.y[-64:])
def get_model(*_, **__): return copy.deepcopy(work.net)
def data_to_device(batch, device): return batch
def eval(model, loader, device):
    return dict(loss=sum(float(cross_entropy(model(x), y)) for x, y in loader))
def compute_loss(model, batch, device):
    return dict(loss=cross_entropy(model(batch[0]), batch[1]))
"""


def flgo(work: Workload) -> float:
    """Time FLGo's FedAvg on a benchmark in a folder of its own, evaluated at the end alone."""
    import flgo as fl
    from flgo.algorithm import fedavg

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        sys.path.insert(0, folder)
        config = Path(folder, "config.py")
        config.write_text(_FLGO_CONFIG.format(name=work.name))
        made = fl.gen_benchmark_from_file("made", str(config), ".", data_type="general")
        even = {"name": "IIDPartitioner", "para": {"num_clients": CLIENTS}}
        fl.gen_task({"benchmark": made, "partitioner": even}, "task")
        option = {
            "num_rounds": ROUNDS,
            "num_epochs": 1,
            "batch_size": work.batch,
            "learning_rate": work.rate,
            "proportion": COHORT / CLIENTS,
            "eval_interval": ROUNDS,
            "no_log_console": True,
        }
        runner = fl.init("task", fedavg, option)
        return seconds(runner.run)


PEERS: dict[str, tuple[str, Callable[[Workload], float]]] = {
    "Flower": ("flwr", flower),
    "pfl-research": ("pfl", pfl_research),
    "FedJAX": ("fedjax", fedjax),
    "FLGo": ("flgo", flgo),
}


def one(peer: str, name: str) -> dict[str, Any]:
    """Measure a peer after the plain loop and ours, in this process."""
    from ftte_lab._common import configure_process

    configure_process()
    work = workload(name)
    batches = list(work.cohorts(ROUNDS))
    updates = ROUNDS * COHORT
    for side in (work.plain, work.ours):
        side(batches[0])
    plain = statistics.median(seconds(lambda: [work.plain(b) for b in batches]) for _ in range(3))
    ours = statistics.median(seconds(lambda: [work.ours(b) for b in batches]) for _ in range(3))
    module, adapter = PEERS[peer]
    theirs = adapter(work)
    return {
        "peer": f"{peer} {version(module)}",
        "workload": name,
        "their_updates_per_s": updates / theirs,
        "plain_updates_per_s": updates / plain,
        "our_updates_per_s": updates / ours,
        "we_are_faster_by": theirs / ours,
    }


def run(quick: bool) -> list[dict[str, Any]]:
    """Measure all installed peers on the first and the last workload."""
    names = ("digits-mlp",) if quick else ("digits-mlp", "cifar-cnn")
    return [
        alone(peer, name)
        for peer, (module, _) in PEERS.items()
        if importlib.util.find_spec(module) is not None
        for name in names
    ]


def alone(peer: str, name: str) -> dict[str, Any]:
    """Measure a peer in a fresh process; a failure is a row with its last line of output."""
    code = (
        "import json; from benchmarks.peers import one; "
        f"print('ROW', json.dumps(one({peer!r}, {name!r})))"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    found = [line for line in done.stdout.splitlines() if line.startswith("ROW ")]
    if not found:
        errors = done.stderr.strip().splitlines() or ["no message"]
        return {"peer": peer, "workload": name, "failed": errors[-1]}
    row: dict[str, Any] = json.loads(found[0].removeprefix("ROW "))
    return row
