"""Save a trained model as safetensors, and read it again: nothing in the file is executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike
from safetensors.torch import save

from ftte_lab._common import brief, choice, read_json, require
from ftte_lab.data import load
from ftte_lab.lab.board import Board
from ftte_lab.models import Model, Params, unpack
from ftte_lab.simulation import Scenario

_FORMAT = "ftte_lab model 1"
_KEYS = (
    "format",
    "net",
    "scenario",
    "method",
    "model",
    "data",
    "accuracy",
    "share_code",
    "version",
)
_LARGEST_BYTES = 256 << 20
_ALLOWED = "a file that Save in a Lab wrote"
_AT_ONCE = 1024  # samples of a forward pass


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """Hold a trained net, and what is known about it.

    Attributes:
        model: the net.
        params: its parameters.
        about: texts by name: `method`, `model`, `data`, `accuracy` (on the test data, 0 to 1),
            `share_code` of the Lab, `version` of the kit.
        scenario: the run that trained it.
    """

    model: Model
    params: Params
    about: Mapping[str, str]
    scenario: Scenario

    def predict(self, x: ArrayLike) -> np.ndarray:
        """Return the class of each input.

        Args:
            x: `(n, *input_shape)` float32, scaled as the training data were.

        Returns:
            Class numbers `(n,)`, int64.

        Raises:
            ValueError: inputs of another shape.
        """
        inputs = np.asarray(x, np.float32)
        wanted, given = self.model.input_shape, f"inputs of shape {inputs.shape}"
        fits = inputs.ndim > 0 and inputs.shape[1:] == tuple(wanted)
        require(fits, given, f"(n, {', '.join(map(str, wanted))})")
        found = [
            self.model.forward(self.params, torch.as_tensor(part.copy(), device="cpu")).argmax(1)
            for part in np.array_split(inputs, max(1, -(-len(inputs) // _AT_ONCE)))
        ]
        return torch.cat(found).numpy()

    def accuracy(self) -> float:
        """Return the share of the test data of its run that it gets right.

        Raises:
            ValueError: the data set is not there.
        """
        s = self.scenario
        people, samples = s.clients, s.samples_per_client
        data = load(s.data, people=people, samples_per_person=samples, seed=s.seed)
        return float((self.predict(data.x_test) == data.y_test).mean())


def model_file(board: Board, method: str) -> bytes:
    """Return the content of a file with the model that a method trained, of the first seed.

    Args:
        board: the record of a run.
        method: one of its methods.

    Raises:
        ValueError: an unknown method, or one that has not finished.
    """
    choice("method", method, board.settings.methods)
    params = board.models.get(method)
    if params is None or method not in board.prepared:
        raise ValueError(
            f"{method!r} has not finished; allowed: a method whose run is done. Wait, or press Run."
        )
    run = board.prepared[method]
    net = run.federation.model
    about = {
        "format": _FORMAT,
        "net": net.to_json(),
        "scenario": run.scenario.to_json(),
        "method": method,
        "model": run.scenario.model,
        "data": run.scenario.data,
        "share_code": board.settings.code(),
        "version": _version(),
    }
    trained = TrainedModel(net, params, about, run.scenario)
    test = run.federation.dataset
    accuracy = float((trained.predict(test.x_test) == test.y_test).mean())
    tensors = {name: params[name].contiguous() for name in net.tensors}
    return save(tensors, metadata=about | {"accuracy": repr(accuracy)})


def _version() -> str:
    try:
        return version("ftte_lab")
    except PackageNotFoundError:
        return "unknown"


def load_model(file: str | Path) -> TrainedModel:
    """Read a trained model that the Save drawer of a Lab wrote.

    Args:
        file: the `.safetensors` file.

    Raises:
        ValueError: a file that is missing, damaged, or of somebody else.

    Example:
        >>> from ftte_lab.lab import load_model
        >>> trained = load_model("ftte-1a2b3c-ftte.safetensors")  # doctest: +SKIP
        >>> trained.accuracy(), trained.about["accuracy"]  # doctest: +SKIP
        (0.9375, '0.9375')
    """
    path = Path(file)
    try:
        size = path.stat().st_size
        most = f"up to {_LARGEST_BYTES >> 20} MiB"
        require(size <= _LARGEST_BYTES, f"{str(path)!r} has {size / 2**20:.0f} MiB", most)
        content = path.read_bytes()
    except OSError as error:
        problem = f"{str(path)!r} cannot be read ({brief(error)})"
        raise ValueError(f"{problem}; allowed: {_ALLOWED}. Check the path.") from error
    return read_model(content)


def read_model(content: bytes) -> TrainedModel:
    """Return the model of a file's content.

    Raises:
        ValueError: content that is damaged, or of somebody else.
    """
    about = _about(content)
    net, scenario = Model.from_json(about["net"]), Scenario.from_json(about["scenario"])
    params = unpack(content)
    require(_fits(net, params), "the file holds other tensors than its net has", _ALLOWED)
    finite = all(bool(value.isfinite().all()) for value in params.values())
    require(finite, "the file holds parameters that are not finite", _ALLOWED)
    kept = {key: about[key] for key in _KEYS if key not in ("format", "net", "scenario")}
    return TrainedModel(net, params, kept, scenario)


def _fits(net: Model, params: Params) -> bool:
    """Report whether parameters are those of a net; a net of a file may be nonsense."""
    try:
        wanted = {name: tuple(info.shape) for name, info in net.tensors.items()}
        shapes = {name: tuple(value.shape) for name, value in params.items()}
        classes = net.ops[-1].out_shape == (net.classes,)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return False
    of_type = all(value.dtype == torch.float32 for value in params.values())
    return shapes == wanted and of_type and classes


def _about(content: bytes) -> dict[str, str]:
    """Return the texts in the head of a safetensors file."""
    length = int.from_bytes(content[:8], "little")
    require(2 <= length <= len(content) - 8, "the file is cut off or no safetensors", _ALLOWED)
    head = read_json(content[8 : 8 + length].rstrip(b" "), "the head of the file", _ALLOWED)
    about = head.get("__metadata__")
    ok = isinstance(about, dict) and about.get("format") == _FORMAT
    require(ok, "the file holds no model of a Lab", _ALLOWED)
    texts = all(isinstance(about.get(key), str) for key in _KEYS)  # type: ignore[union-attr]
    require(texts, "the file lacks a part of its description", _ALLOWED)
    return dict(about)  # type: ignore[arg-type]
