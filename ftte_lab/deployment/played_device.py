"""Hold one device that a node plays: its model, what it trains, and the form of its messages."""

from __future__ import annotations

import torch
from torch import Tensor

from ftte_lab.deployment.messages import Job
from ftte_lab.models import (
    Model,
    Params,
    RowFormat,
    Subset,
    from_rows,
    frozen,
    full,
    insert,
    make_plan,
    unpack,
)
from ftte_lab.simulation import Scenario, entry_places, local_optimiser


class PlayedDevice:
    """Hold the model of one client.

    Args:
        scenario: the run.
        model: the net.
        job: the first one of the client, with the complete model and the index of its subset.
        union: index of all that any device trains; empty: what this one trains.

    Attributes:
        params: all parameters, as they were downloaded last.
        plan: what is trained.
        union: what is downloaded.
        optimiser: by which it trains.
        up: form of the updates.
        columns: where its trained entries stand among those that are downloaded.

    Raises:
        ValueError: a job that does not fit the run.
    """

    def __init__(self, scenario: Scenario, model: Model, job: Job, union: str = "") -> None:
        s, parts = scenario, job.parts
        subset = Subset.from_json(parts["index"].decode()) if "index" in parts else full(model)
        self.model, self.plan = model, make_plan(model, subset)
        self.union = make_plan(model, Subset.from_json(union)) if union else self.plan
        self.entries = self.union.subset.entries(model)
        self._down = self._form(s, self.union.subset)
        self.up = self._form(s, self.plan.subset)
        same = self.union.subset == self.plan.subset
        self.columns: Tensor | slice = slice(None) if same else entry_places(self.union, self.plan)
        self.optimiser = local_optimiser(s, self.plan, self.union.start)
        self.params = self._complete(s, job)

    def download(self, job: Job) -> None:
        """Take over the trained entries that a job brings.

        Raises:
            ValueError: it brings other ones.
        """
        if "row" in job.parts:
            subset, row = self.union.subset, self._down.unpack(job.parts["row"])
            slices = from_rows(self.model, subset, row)
            self.params = insert(self.model, subset, self.params, slices)

    def _form(self, s: Scenario, subset: Subset) -> RowFormat:
        return RowFormat.of(self.model, subset, s.payload_bits, names=s.payload_names)

    def _complete(self, s: Scenario, job: Job) -> Params:
        """Return the parameters of the first job; those of its row are still to come."""
        model, parts = self.model, job.parts
        shapes = {name: torch.Size(info.shape) for name, info in model.tensors.items()}
        if "model" in parts:
            sent = unpack(parts["model"])
            if {name: value.shape for name, value in sent.items()} != shapes:
                raise ValueError("the model of a job is another one; allowed: that of the run.")
            return {name: sent[name].float() for name in shapes}
        params: Params = {
            name: torch.zeros(shape, dtype=torch.float32, device="cpu")
            for name, shape in shapes.items()
        }
        rest = frozen(model, self.union.subset)
        if ("frozen" in parts) != bool(len(rest)) or "row" not in parts:
            raise ValueError("a first job without a model; allowed: one with the complete model.")
        if not len(rest):
            return params
        slices = from_rows(model, rest, self._form(s, rest).unpack(parts["frozen"]))
        return insert(model, rest, params, slices)
