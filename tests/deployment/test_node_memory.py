"""A node's own memory budget: the largest micro-batch that fits, or one sentence."""

import pytest

from ftte_lab import prepare, training_bill
from ftte_lab.deployment import RealRun, Room, memory_table
from ftte_lab.deployment.__main__ import main
from ftte_lab.deployment.messages import Join, Message, Update
from ftte_lab.deployment.node_loop import follow
from ftte_lab.deployment.node_memory import NodeMemory
from ftte_lab.deployment.shown_carrier import ShownCarrier, as_memory
from ftte_lab.simulation import Prepared
from tests.deployment.thread_nodes import ThreadNodes
from tests.tiny import TINY

IMAGES = prepare(
    TINY.replace(model="cnn", batch=8, budget_kib=None, payload_share=0.25).as_method("ftte")
)


def peak(prepared: Prepared, micro_batch: int) -> int:
    model, subset = prepared.federation.model, prepared.plan.subset
    batch = prepared.scenario.batch
    return training_bill(model, subset, batch, micro_batch=micro_batch).peak_bytes


@pytest.mark.parametrize("micro_batch", [1, 2, 3, 8])
def test_a_node_holds_what_the_bill_says(micro_batch: int) -> None:
    memory = NodeMemory(IMAGES.scenario)
    model, params = IMAGES.federation.model, IMAGES.federation.params
    held, growth, at_once = memory.measured(model, params, IMAGES.plan.subset, micro_batch)
    assert held == pytest.approx(peak(IMAGES, micro_batch), rel=1e-3)  # as for the bill itself
    assert (at_once, growth >= 0) == (micro_batch, True)


def test_a_node_with_less_memory_takes_the_largest_micro_batch_that_fits() -> None:
    model, subset = IMAGES.federation.model, IMAGES.plan.subset
    for least in (1, 2, 4):
        kib = peak(IMAGES, least) / 1024
        assert NodeMemory(IMAGES.scenario, kib).micro_batch(model, subset, 0) == least
    assert NodeMemory(IMAGES.scenario, 1e6).micro_batch(model, subset, 0) == 8
    assert NodeMemory(IMAGES.scenario, 1e6).micro_batch(model, subset, 2) == 2
    assert NodeMemory(IMAGES.scenario).micro_batch(model, subset, 0) == 8


def test_too_little_memory_is_one_sentence() -> None:
    memory = NodeMemory(IMAGES.scenario, 20.0)
    least = peak(IMAGES, 1) / 1024
    with pytest.raises(ValueError, match="a training step of") as found:
        memory.micro_batch(IMAGES.federation.model, IMAGES.plan.subset, 0)
    assert str(found.value) == (
        f"a training step of {least:.1f} KiB; allowed: 20 KiB, the budget of this node. "
        "Raise --memory, or train a smaller part."
    )


def test_another_accounting_is_not_measured() -> None:
    tiny = NodeMemory(IMAGES.scenario.replace(accounting="tiny"))
    model, params = IMAGES.federation.model, IMAGES.federation.params
    assert tiny.measured(model, params, IMAGES.plan.subset, 2) == (0, 0, 0)


def test_who_has_too_little_memory_leaves_and_the_others_go_on() -> None:
    least = peak(IMAGES, 1) / 1024
    with Room(3) as room:
        nodes = ThreadNodes(room.line)
        for name, kib in (("ada", None), ("bob", least), ("cleo", least / 2)):
            nodes.start(name, budget_kib=kib)
        room.wait_for_nodes()
        scenario = IMAGES.scenario.replace(clients=3, concurrency=3, buffer=2, max_updates=8)
        *_, last = room.free(scenario, seconds=60.0, throttle=False)
    nodes.join()
    assert isinstance(last, RealRun)
    assert nodes.reasons["cleo"].startswith("a training step of ")
    held = memory_table(last).set_index("node")["micro_batch"].to_dict()
    assert held == {"ada": 8, "bob": 1}
    assert ("left", "cleo") in zip(last.events["what"], last.events["node"], strict=True)


class Sink:
    """A carrier to nowhere."""

    def receive(self, wait_s: float) -> Message | None:
        return None

    def send(self, message: Message) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_node_tells_once_what_it_holds() -> None:
    lines: list[str] = []
    carrier = ShownCarrier(Sink(), lines.append)
    for _ in range(2):
        carrier.send(Update(1, b"abc", held=(41000, 0, 4)))
    assert [line for line in lines if "at once" in line] == [as_memory((41000, 0, 4))]


def test_a_budget_out_of_range_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"memory = 0\.5; allowed: "):
        follow(Sink(), Join("green-tea", "ada"), budget_kib=0.5)


def test_the_command_takes_a_budget(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["join", "nonsense", "--memory", "32"]) == 2
    assert "join line" in capsys.readouterr().err
