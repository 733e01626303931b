"""Build what every method of a comparison shares: the first model, the data, the devices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ftte_lab._common import SizedCache, configure_process, require
from ftte_lab.data import SOURCES, Dataset, Shards, assign_class_to_slowest, load, split
from ftte_lab.devices import Fleet, sample_fleet
from ftte_lab.models import Model, Params, build, flatten_trained, from_rows, full, make_plan
from ftte_lab.simulation import kept as _kept
from ftte_lab.simulation.scenario import Scenario
from ftte_lab.training import FrozenFeatures, draw_batches, train_cohort


@dataclass(frozen=True, eq=False)
class Start:
    """The model and the first parameters that the server sends out, warm-started on public data."""

    dataset: Dataset
    model: Model
    params: Params

    @cached_property
    def digest(self) -> str:
        """Return a name for all that a search takes from it: net, parameters and public data."""
        data = self.dataset
        content = _kept.start_digest(self.params, data.x_public, data.y_public)
        return f"{self.model.to_json()} {content}"


@dataclass(frozen=True, eq=False)
class Federation:
    """What all methods share: the start, which client holds which data, and the devices."""

    start: Start
    shards: Shards
    fleet: Fleet

    @property
    def dataset(self) -> Dataset:
        """Return all samples: training, test and public."""
        return self.start.dataset

    @property
    def model(self) -> Model:
        """Return the net."""
        return self.start.model

    @property
    def params(self) -> Params:
        """Return the server's first parameters."""
        return self.start.params


_SERVER = 2**32 - 1  # the client number under which the server draws its batches
_WARM_BATCH = 8  # independent of the clients' batch: the server has memory
# The warm-start schedule: factors of `client_rate`, each for a third of the steps.
_WARM_RATES = (1.0, 0.3, 0.1)


_MOST_BYTES = 128 << 20  # of data sets that are kept: 10,000 devices have 0.8 GB


def _start_bytes(start: Start) -> int:
    """Return the memory of a start: nearly all of it is its data set."""
    arrays = vars(start.dataset).values()
    return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))


_starts: SizedCache[Start] = SizedCache(_MOST_BYTES, _start_bytes)
_federations: SizedCache[Federation] = SizedCache(_MOST_BYTES, lambda f: _start_bytes(f.start))


def federation(scenario: Scenario) -> Federation:
    """Build, or take from a small cache, the federation of a scenario.

    Methods that differ in no setting that affects it share one federation, from the same start.

    Raises:
        ValueError: data that is not there, or too little of it for so many clients.
    """
    key = scenario.key("start", "federation")
    return _federations.get(key, lambda: _federation(scenario))


def _federation(s: Scenario) -> Federation:
    start = _starts.get(s.key("start"), lambda: _start(s))
    return Federation(start, *_divided(s, start.dataset))


def client_data(scenario: Scenario) -> tuple[Dataset, Shards]:
    """Return the data, and which client holds which, without any model: all that a device knows.

    Raises:
        ValueError: data that is not there, or too little of it for so many clients.

    Example:
        >>> dataset, shards = client_data(Scenario(data="digits", clients=30))
        >>> len(shards.train), dataset.n_classes
        (30, 10)
    """
    dataset = _dataset(scenario)
    return dataset, _divided(scenario, dataset)[0]


def _divided(s: Scenario, dataset: Dataset) -> tuple[Shards, Fleet]:
    """Divide the data among the clients, and draw their devices."""
    natural = s.alpha is None and dataset.train_person is not None
    skewed = "iid" if s.alpha is None else "label"
    by = "person" if natural else skewed
    shards = split(dataset, s.clients, alpha=s.alpha, by=by, seed=s.seed)
    fleet = sample_fleet(
        s.mix,
        s.clients,
        straggler_share=s.straggler_share,
        straggler_factor=s.straggler_factor,
        dropout=s.dropout,
        app_memory_share=s.app_memory_share,
        seed=s.seed,
    )
    if s.slow_class is not None:
        # Slow to compute: the time on the link depends on what a method sends, and all methods
        # share one federation.
        slowest_first = np.argsort(-fleet.slow_factor / fleet.flops_per_s, kind="stable")
        shards = assign_class_to_slowest(slowest_first, shards, dataset, s.slow_class)
    return shards, fleet


def _start(s: Scenario) -> Start:
    """Load the data and train the first model: the slow part, shared by all fleets and splits."""
    configure_process()
    dataset = _dataset(s)
    model = build(s.model, dataset.shape, dataset.n_classes)
    return Start(dataset, model, _first_params(s, dataset, model))


def _dataset(s: Scenario) -> Dataset:
    """Load the data; what is generated, or comes with a library, may be kept on disk."""

    def make() -> Dataset:
        return load(s.data, people=s.clients, samples_per_person=s.samples_per_client, seed=s.seed)

    if s.own_names() or not SOURCES[s.data].offline:
        return make()
    key = ("data", s.data, s.clients, s.samples_per_client, s.seed)
    return _kept.kept(key, make, _kept.dataset_to_bytes, _kept.dataset_from_bytes)


def _first_params(s: Scenario, dataset: Dataset, model: Model) -> Params:
    """Return the first parameters; they follow from the net and the public data."""
    if s.own_names():
        return _warm_start(s, dataset, model)
    public_data = _kept.start_digest({}, dataset.x_public, dataset.y_public)
    key = ("start", model.to_json(), public_data, s.seed, s.warm_start_steps, s.client_rate)
    params = _kept.kept(
        key,
        lambda: _warm_start(s, dataset, model),
        _kept.params_to_bytes,
        _kept.params_from_bytes,
    )
    return {name: params[name] for name in model.tensors}


def _warm_start(s: Scenario, dataset: Dataset, model: Model) -> Params:
    """Initialise the parameters and train them on the public share, as a vendor would."""
    params = model.init(s.seed)
    if not s.warm_start_steps:
        return params
    plan = make_plan(model, full(model))
    x, y = public(dataset)
    inputs = FrozenFeatures(model, params, x)
    batch = min(_WARM_BATCH, len(y))
    rows = draw_batches(len(y), s.warm_start_steps, batch, seed=s.seed, client=_SERVER, visit=0)
    for rate, part in zip(_WARM_RATES, np.array_split(rows, len(_WARM_RATES)), strict=True):
        if len(part):
            updates = train_cohort(
                plan,
                params,
                inputs,
                y,
                torch.as_tensor(part, device="cpu")[None],
                rate=rate * s.client_rate,
            )
            params = from_rows(
                model, plan.subset, flatten_trained(model, plan.subset, params) + updates.rows[0]
            )
    require(
        all(bool(p.isfinite().all()) for p in params.values()),
        f"the model diverged in its warm start (client_rate = {s.client_rate:g})",
        "a rate at which it learns",
        "Lower client_rate, or set warm_start_steps = 0",
    )
    return params


def public(dataset: Dataset) -> tuple[Tensor, Tensor]:
    """Return the public share of the data as tensors."""
    return torch.as_tensor(dataset.x_public, device="cpu"), torch.as_tensor(
        dataset.y_public, device="cpu"
    )
