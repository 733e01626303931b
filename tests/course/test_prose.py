"""Numbers that stand in the prose of a page are those of its fleet, as students run it."""

from pathlib import Path

import nbformat
import pytest

from ftte_lab import prepare
from ftte_lab.course import LIMITS, lesson

ROOT = Path(__file__).parents[2]


def prose(number: str) -> str:
    """Return the text of a page, on one line."""
    [path] = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    return " ".join(" ".join(c.source for c in cells if c.cell_type == "markdown").split())


def kib(number_of_bytes: float) -> str:
    return f"{number_of_bytes / 1024:.0f} KiB"


def test_start_speaks_of_its_own_fleet() -> None:
    prepared = prepare(lesson("00").run("fedavg"))
    kinds, memory = prepared.federation.fleet.kind, prepared.federation.fleet.memory_bytes
    counts = [kinds.count(kind) for kind in ("sensor", "watch", "phone")]
    assert "{} sensors, {} watches, {} phones".format(*counts) in prose("00")
    assert 2 * sum(memory < prepared.bill.peak_bytes) == len(kinds)
    bill, page = prepared.bill, prose("00")
    assert f"sensors with {kib(memory[list(kinds).index('sensor')])} for a training step" in page
    assert f"the model takes {kib(bill.inference_one_bytes)}" in page
    assert f"as usual takes {kib(bill.peak_bytes)}" in page


def test_memory_page_names_model_and_sensor() -> None:
    # The bill does not depend on what the model has learned.
    prepared = prepare(lesson("03").set(warm_start_steps=0).run("fedavg"))
    page, bill = prose("03"), prepared.bill
    assert f"The weights of this model take {kib(4 * prepared.federation.model.size)}" in page
    assert f"A sensor has {kib(prepared.federation.fleet.weakest()[2])} for" in page
    answers = (ROOT / "docs" / "teaching" / "answers.md").read_text()
    one, eight = kib(bill.inference_one_bytes), kib(bill.inference_peak_bytes)
    assert (
        f"Inference on one sample needs {one}, and training {kib(bill.peak_bytes)[:-4]}" in answers
    )
    assert f"inference needs only {eight[:-4]}." in answers


def test_subset_page_names_budget_and_complete_step() -> None:
    page, complete = prose("04"), prepare(lesson("04").run("fedavg")).bill
    assert f"it has {lesson('04').scenario.budget_kib:.0f} KiB to train in" in page
    assert f"step would need {kib(complete.peak_bytes)[:-4]}." in page


def test_assembled_page_names_the_prices_of_both_rivals() -> None:
    ours, rival = (prepare(lesson("08").run(name)) for name in ("ftte", "fedbuff_average"))
    page = prose("08")
    assert f"in {kib(ours.bill.peak_bytes)}: half of what a sensor has" in page
    _, kind, memory = ours.federation.fleet.weakest()
    assert kind == "sensor"
    assert ours.bill.peak_bytes == pytest.approx(memory / 2, rel=0.06)
    assert f"That takes {kib(rival.bill.peak_bytes)}, and more than three times the bytes" in page
    assert 3 * ours.traffic.upload < rival.traffic.upload < 4 * ours.traffic.upload
    assert rival.bill.peak_bytes < memory  # every device could train the complete model


def test_brief_names_the_first_proposal() -> None:
    _, kind, memory = prepare(LIMITS.start("ci").runs()["ftte"]).federation.fleet.weakest()
    assert (kind, kib(memory)) == ("sensor", "256 KiB")
