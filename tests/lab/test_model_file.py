"""A saved model is the one that was trained; a damaged file is a sentence."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load as load_tensors
from safetensors.torch import save

from ftte_lab.lab.lab import Lab
from ftte_lab.lab.tools.model_file import load_model, model_file, read_model
from ftte_lab.simulation import Finished, simulate
from tests.lab.page import TINY_SETTINGS
from tests.malformed.damage import texts


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = Lab(TINY_SETTINGS, mode="batch")
    made.results()
    yield made
    made.close()


@pytest.mark.parametrize("method", TINY_SETTINGS.methods)
def test_file_holds_the_last_version_of_the_run(lab: Lab, method: str, tmp_path: Path) -> None:
    content = model_file(lab.display.board, method)
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    trained = load_model(path)
    *_, last = simulate(lab.settings.runs()[method])
    assert isinstance(last, Finished)
    assert trained.params.keys() == last.params.keys()
    for tensor, value in last.params.items():
        assert trained.params[tensor].equal(value)
    accuracy = last.history.points["accuracy"].iloc[-1]
    assert trained.accuracy() == pytest.approx(accuracy, abs=1e-9)
    assert float(trained.about["accuracy"]) == trained.accuracy()
    assert trained.scenario == lab.settings.runs()[method]
    assert trained.about["share_code"] == lab.code


def test_any_reader_of_safetensors_understands_it(lab: Lab, tmp_path: Path) -> None:
    content = model_file(lab.display.board, "ftte")
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with safe_open(path, framework="np") as file:
        about = file.metadata()
        assert about["method"] == "ftte"
        assert about["model"] == "mlp"
        assert about["data"] == "digits"
        shapes = {name: file.get_tensor(name).shape for name in file.keys()}  # noqa: SIM118
    assert shapes["head.weight"] == (10, 32)


def test_predictions_need_inputs_of_its_shape(lab: Lab) -> None:
    trained = read_model(model_file(lab.display.board, "ftte"))
    x = np.zeros((1500, 1, 8, 8), np.float32)
    assert trained.predict(x).shape == (1500,)
    assert trained.predict(x[:0]).shape == (0,)
    with pytest.raises(ValueError, match=r"inputs of shape \(3, 8, 8\); allowed: \(n, 1, 8, 8\)"):
        trained.predict(x[:3, 0])


def test_only_a_finished_method_has_a_model(lab: Lab) -> None:
    with pytest.raises(ValueError, match="method = 'scaffold' is not known"):
        model_file(lab.display.board, "scaffold")
    fresh = Lab(TINY_SETTINGS, mode="batch")
    with pytest.raises(ValueError, match="'ftte' has not finished; allowed"):
        model_file(fresh.display.board, "ftte")


def test_damaged_files_get_a_sentence_each(lab: Lab, tmp_path: Path) -> None:
    valid = model_file(lab.display.board, "ftte")
    draw = random.Random(5)  # noqa: S311
    damaged = [content for _, content in texts(valid, tmp_path / "canary")]
    head = 8 + int.from_bytes(valid[:8], "little")
    while len(damaged) < 200:
        wrong = bytearray(valid)
        at = draw.randrange(head)
        if len(damaged) % 2:
            wrong[at] ^= 1 << draw.randrange(8)
        else:
            del wrong[at : at + draw.randint(1, 40)]
        damaged.append(bytes(wrong))
    answers = []
    for content in damaged:
        try:
            read_model(content)
        except ValueError as error:
            answers.append(str(error))
    assert len(answers) > 150
    for answer in answers:
        assert "; allowed: " in answer
        assert "\n" not in answer
    assert not (tmp_path / "canary").exists()
    with pytest.raises(ValueError, match=r"cannot be read \(No such file"):
        load_model(tmp_path / "none.safetensors")


def test_a_net_that_is_not_the_tensors_is_refused(lab: Lab) -> None:
    valid = model_file(lab.display.board, "ftte")
    tensors = load_tensors(valid)
    length = int.from_bytes(valid[:8], "little")
    about = json.loads(valid[8 : 8 + length])["__metadata__"]
    fewer = {name: value for name, value in tensors.items() if name != "head.bias"}
    with pytest.raises(ValueError, match="other tensors than its net has"):
        read_model(save(fewer, metadata=about))
    endless = {**tensors, "head.bias": tensors["head.bias"] / 0}
    with pytest.raises(ValueError, match="parameters that are not finite"):
        read_model(save(endless, metadata=about))
    with pytest.raises(ValueError, match="holds no model of a Lab"):
        read_model(save(tensors))
    nonsense = about["net"].replace('"out_shape": [10]', '"out_shape": "ten"')
    with pytest.raises(ValueError, match="allowed"):
        read_model(save(tensors, metadata={**about, "net": nonsense}))
