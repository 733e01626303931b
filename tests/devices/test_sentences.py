"""Every refusal of devices, fleets, batteries and bills to the letter."""

# Wrong types are given on purpose.
# mypy: disable-error-code="arg-type,list-item,dict-item,assignment"

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ftte_lab.devices import (
    CATALOGUE,
    DeviceTrainer,
    FaultyMessages,
    LocalStep,
    draw_batteries,
    energy_j,
    faulty_clients,
    inference_peak_bytes,
    measure_inference_peak,
    measure_peak,
    measure_trainer_peak,
    memory_model,
    part_sizes,
    participation_times,
    random_labels,
    sample_fleet,
    slowest,
    training_bill,
)
from ftte_lab.models import Subset, build, full, head
from tests.sentences import Refusals, check_refused

NAN, INF = float("nan"), float("inf")
NET = build("mlp", (1, 8, 8), 5)
START = NET.init(0)
KIND = CATALOGUE["sensor"]
FLEET = sample_fleet({"sensor": 1.0}, 2, seed=0)
TIMES = participation_times(FLEET, download_bytes=1e3, flops=1e3, upload_bytes=1e3)
BATTERIES = draw_batteries(FLEET, 0.5, seed=0)
SHARDS = [np.array([0, 1]), np.array([2])]


def fleet(**change: object) -> object:
    given = {"mix": {"sensor": 1.0}, "clients": 2, "seed": 0, **change}
    return sample_fleet(**given)


def times(**change: object) -> object:
    given = {"download_bytes": 1e3, "flops": 1e3, "upload_bytes": 1e3, **change}
    return participation_times(FLEET, **given)


def trainer(**change: object) -> DeviceTrainer:
    return DeviceTrainer(NET, START, head(NET), **{"rate": 0.1, **change})


def measured(steps: object = 1, batch: object = 2) -> object:
    return measure_trainer_peak(trainer(), batch, steps)


REFUSED: Refusals = [
    # battery.py
    (
        lambda: replace(BATTERIES, capacity_j=np.ones(3)),
        "start_j has shape (2,) or a negative number; allowed: 3 numbers from 0 upwards, one per "
        "client.",
    ),
    (
        lambda: replace(BATTERIES, charge_w=np.array([-1.0, 1.0])),
        "charge_w has shape (2,) or a negative number; allowed: 2 numbers from 0 upwards, one per"
        " client.",
    ),
    (
        lambda: replace(BATTERIES, plug_s=np.array([NAN, 1.0])),
        "plug_s has shape (2,) or a negative number; allowed: 2 numbers from 0 upwards, one per "
        "client.",
    ),
    (
        lambda: replace(BATTERIES, start_j=BATTERIES.capacity_j + 1),
        "start_j is above capacity_j; allowed: 0 to the capacity.",
    ),
    (
        lambda: replace(BATTERIES, plugged_s=np.full(2, 86_401.0)),
        "plugged_s is longer than a day; allowed: 0 to 86400 seconds.",
    ),
    (
        lambda: BATTERIES.after(0, 1.0, 0.0, NAN),
        "virtual seconds = nan; allowed: a number that is finite.",
    ),
    (
        lambda: BATTERIES.after(0, 1.0, INF, 1.0),
        "virtual seconds = inf; allowed: a number that is finite.",
    ),
    (
        lambda: BATTERIES.after(slice(None), np.ones(2), np.array([0.0, NAN]), 1.0),
        "a moment is not finite; allowed: finite virtual seconds.",
    ),
    (
        lambda: BATTERIES.ready_s(0, 0.0, 0.0, -1.0),
        "need_j = -1.0; allowed: a number from 0 upwards.",
    ),
    (
        lambda: BATTERIES.ready_s(0, 0.0, NAN, 1.0),
        "since_s = nan; allowed: a number that is finite.",
    ),
    (
        lambda: draw_batteries(FLEET, -0.5, seed=0),
        "share = -0.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: draw_batteries(FLEET, 1.5, seed=0),
        "share = 1.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: draw_batteries(FLEET, 0, seed=0),
        "share = 0; allowed: above 0 to 1. Switch batteries off to ignore them.",
    ),
    (
        lambda: draw_batteries(FLEET, 0.5, seed=-1),
        "seed = -1; allowed: an integer from 0 upwards.",
    ),
    # catalogue.py and device_kind.py
    (
        lambda: CATALOGUE.__setitem__("mine", 3),
        "the device kind 'mine' is int; allowed: a DeviceKind.",
    ),
    (
        lambda: CATALOGUE.__setitem__("mine", KIND),
        "the device kind 'mine' is named 'sensor'; allowed: the same name as its key. Use "
        "dataclasses.replace(kind, name='mine').",
    ),
    (
        lambda: replace(KIND, ram_bytes=0),
        "sensor: ram_bytes = 0; allowed: an integer from 1 to 1.15292e+18.",
    ),
    (
        lambda: replace(KIND, ram_bytes=2.5),
        "sensor: ram_bytes = 2.5; allowed: an integer from 1 to 1.15292e+18.",
    ),
    (
        lambda: replace(KIND, app_memory_share=1.5),
        "sensor: app_memory_share = 1.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: replace(KIND, app_memory_share=0),
        "sensor: app_memory_share = 0; allowed: at least 1e-12. Leave the kind out.",
    ),
    (
        lambda: replace(KIND, dropout=1.5),
        "sensor: dropout = 1.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: replace(KIND, dropout=-0.5),
        "sensor: dropout = -0.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: replace(KIND, charge_h=25),
        "sensor: charge_h = 25; allowed: a number from 0 to 24.",
    ),
    (
        lambda: replace(KIND, flops_per_s=0),
        "sensor: flops_per_s = 0; allowed: at least 1e-12. Leave the kind out.",
    ),
    (
        lambda: replace(KIND, downlink_bps=0),
        "sensor: downlink_bps = 0; allowed: at least 1e-12. Leave the kind out.",
    ),
    (
        lambda: replace(KIND, uplink_bps=0),
        "sensor: uplink_bps = 0; allowed: at least 1e-12. Leave the kind out.",
    ),
    (
        lambda: replace(KIND, battery_j=0),
        "sensor: battery_j = 0; allowed: at least 1e-12. Leave the kind out.",
    ),
    (
        lambda: replace(KIND, battery_j=NAN),
        "sensor: battery_j = nan; allowed: a number from 0 to 1e+24.",
    ),
    (
        lambda: replace(KIND, sources={}),
        "sensor: no source for ram_bytes, app_memory_share, flops_per_s, downlink_bps, "
        "uplink_bps, compute_w, radio_w, dropout, battery_j, charge_w, charge_h; allowed: a "
        "source, or 'illustrative', for each number.",
    ),
    (
        lambda: replace(KIND, sources={**KIND.sources, "dropout": " "}),
        "sensor: no source for dropout; allowed: a source, or 'illustrative', for each number.",
    ),
    (
        lambda: KIND.training_bytes(1.5),
        "app_memory_share = 1.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: KIND.training_bytes(-0.5),
        "app_memory_share = -0.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: KIND.training_bytes(0),
        "app_memory_share = 0; allowed: above 0 to 1. None takes each kind's own share.",
    ),
    (
        lambda: KIND.ms_per_sample(-1),
        "forward_flops = -1; allowed: a number from 0 to 1e+24.",
    ),
    # faults.py
    (
        lambda: faulty_clients(0, 0.5, 0),
        "clients = 0; allowed: an integer from 1 to 10,000,000.",
    ),
    (
        lambda: faulty_clients(2, 1.5, 0),
        "share = 1.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: faulty_clients(2, -0.5, 0),
        "share = -0.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: faulty_clients(2, 0.5, -1),
        "seed = -1; allowed: an integer from 0 upwards.",
    ),
    (
        lambda: random_labels(np.zeros(3, int), SHARDS, np.ones(3, bool), 5, 0),
        "2 shards, 3 clients; allowed: equally many.",
    ),
    (
        lambda: random_labels(np.zeros(3, int), SHARDS, np.ones(2, bool), 0, 0),
        "classes = 0; allowed: an integer from 1 to 1,000,000.",
    ),
    (
        lambda: random_labels(np.zeros(3, int), SHARDS, np.ones(2, bool), 5, -1),
        "seed = -1; allowed: an integer from 0 upwards.",
    ),
    (
        lambda: FaultyMessages("nois", np.ones(2, bool), 0),
        "fault = 'nois' is not known; allowed: none, labels, noise, scale, replay. Did you mean "
        "'noise'?",
    ),
    (
        lambda: FaultyMessages("noise", np.ones(2, bool), -1),
        "seed = -1; allowed: an integer from 0 upwards.",
    ),
    # fleet.py
    (
        lambda: replace(FLEET, dropout=np.zeros(3)),
        "dropout has shape (3,); allowed: (2,), one per client.",
    ),
    (
        lambda: fleet(mix={}),
        "mix is empty; allowed: at least one kind with its share. For example {'sensor': 1.0}.",
    ),
    (
        lambda: fleet(mix={"sensr": 1.0}),
        "mix: kind = 'sensr' is not known; allowed: sensor, esp32, watch, pi_zero, pi4, jetson, "
        "phone_low, phone, fitness_watch. Did you mean 'sensor'?",
    ),
    (
        lambda: fleet(mix={"sensor": 1.5}),
        "mix['sensor'] = 1.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: fleet(mix={"sensor": -0.5}),
        "mix['sensor'] = -0.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: fleet(mix={"sensor": 0.5}),
        "mix sums to 0.5; allowed: a sum of 1. Divide each share by the sum.",
    ),
    (
        lambda: fleet(clients=0),
        "clients = 0; allowed: an integer from 1 to 10,000,000.",
    ),
    (
        lambda: fleet(straggler_share=1.5),
        "straggler_share = 1.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: fleet(straggler_share=-0.5),
        "straggler_share = -0.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: fleet(straggler_factor=0.5),
        "straggler_factor = 0.5; allowed: a number from 1 to 1e+12. 1 means that nobody is slow.",
    ),
    (
        lambda: fleet(seed=-1),
        "seed = -1; allowed: an integer from 0 upwards.",
    ),
    (
        lambda: fleet(dropout=1.5),
        "dropout = 1.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: fleet(dropout=-0.5),
        "dropout = -0.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: times(download_bytes=-1),
        "download_bytes = -1; allowed: one finite number from 0 upwards, or 2, one per client.",
    ),
    (
        lambda: times(flops=NAN),
        "flops = nan; allowed: one finite number from 0 upwards, or 2, one per client.",
    ),
    (
        lambda: times(upload_bytes=np.ones(3)),
        "upload_bytes = array([1., 1., 1.]); allowed: one finite number from 0 upwards, or 2, one"
        " per client.",
    ),
    (
        lambda: times(download_bytes=1.7e308),
        "a participation takes for ever; allowed: durations that a float can hold.",
    ),
    (
        lambda: energy_j(FLEET, replace(TIMES, download_s=np.ones(3))),
        "times of other shape, or negative; allowed: 2 numbers, one per client.",
    ),
    (
        lambda: energy_j(FLEET, replace(TIMES, compute_s=np.array([-1.0, 1.0]))),
        "times of other shape, or negative; allowed: 2 numbers, one per client.",
    ),
    (
        lambda: energy_j(
            FLEET, replace(TIMES, upload_s=np.full(2, 1.7e308), download_s=np.full(2, 1.7e308))
        ),
        "energies are not finite; allowed: finite durations.",
    ),
    (
        lambda: slowest(0, TIMES),
        "share = 0; allowed: a number above 0 to 1. Take 0.1 for the slowest tenth.",
    ),
    (
        lambda: slowest(1.5, TIMES),
        "share = 1.5; allowed: a number from 0 to 1.",
    ),
    (
        lambda: slowest(-0.5, TIMES),
        "share = -0.5; allowed: a number from 0 to 1.",
    ),
    # local_step.py, memory.py, measure.py
    (
        lambda: LocalStep(0),
        "batch = 0; allowed: an integer from 1 to 1,000,000.",
    ),
    (
        lambda: LocalStep(4, micro_batch=0),
        "micro_batch = 0; allowed: an integer from 1 to 4. A micro-batch is a part of the batch.",
    ),
    (
        lambda: LocalStep(4, micro_batch=5),
        "micro_batch = 5; allowed: an integer from 1 to 4. A micro-batch is a part of the batch.",
    ),
    (
        lambda: part_sizes(0, None),
        "samples = 0; allowed: an integer from 1 to 1,000,000.",
    ),
    (
        lambda: part_sizes(4, 0),
        "micro_batch = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: memory_model(NET, 8, "flash"),
        "accounting = 'flash' is not known; allowed: pytorch, pytorch-fused, tiny. Choose one of "
        "these.",
    ),
    (
        lambda: training_bill(NET, full(NET), 8, momentum=1.0),
        "momentum = 1.0; allowed: a number from 0 to 0.999.",
    ),
    (
        lambda: training_bill(NET, full(NET), 8, momentum=-0.1),
        "momentum = -0.1; allowed: a number from 0 to 0.999.",
    ),
    (
        lambda: training_bill(NET, Subset({}), 8),
        "the subset is empty; allowed: 1 to 6 tensors. Train at least the head.",
    ),
    (
        lambda: training_bill(NET, full(NET), 0),
        "batch = 0; allowed: an integer from 1 to 1,000,000.",
    ),
    (
        lambda: inference_peak_bytes(NET, 0),
        "batch = 0; allowed: an integer from 1 to 1,000,000.",
    ),
    (
        lambda: inference_peak_bytes(NET, 1, "flash"),
        "accounting = 'flash' is not known; allowed: pytorch, pytorch-fused, tiny. Choose one of "
        "these.",
    ),
    (
        lambda: measure_peak(NET, full(NET), 0),
        "batch = 0; allowed: an integer from 1 to 1,000,000.",
    ),
    (
        lambda: measured(steps=0),
        "steps = 0; allowed: an integer from 1 to 10,000.",
    ),
    (
        lambda: measured(batch=0),
        "batch = 0; allowed: an integer from 1 to 1,000,000.",
    ),
    (
        lambda: measure_inference_peak(NET, 0),
        "batch = 0; allowed: an integer from 1 to 1,000,000.",
    ),
    # trainer.py
    (
        lambda: trainer(rate=-1),
        "rate = -1; allowed: a number from 0 to 1,000,000.",
    ),
    (
        lambda: trainer(momentum=1),
        "momentum = 1; allowed: a number from 0 to 0.999.",
    ),
    (
        lambda: trainer(momentum=-0.1),
        "momentum = -0.1; allowed: a number from 0 to 0.999.",
    ),
    (
        lambda: trainer(proximal=-1),
        "proximal = -1; allowed: a number from 0 to 1,000,000.",
    ),
    (
        lambda: trainer(micro_batch=0),
        "micro_batch = 0; allowed: an integer from 1 upwards.",
    ),
    (
        lambda: trainer(proximal=0.5, offset={}),
        "an offset with proximal = 0.5; allowed: one client correction at a time. Use proximal=0 "
        "with an offset.",
    ),
    (
        lambda: trainer(offset={}),
        "offsets of shapes {}; allowed: {'head.weight': (5, 32), 'head.bias': (5,)}, one per "
        "trained slice. models.from_rows names the entries of a row.",
    ),
    (
        lambda: trainer(offset={"head.weight": torch.zeros(5, 32), "head.bias": torch.zeros(4)}),
        "offsets of shapes {'head.weight': (5, 32), 'head.bias': (4,)}; allowed: {'head.weight': "
        "(5, 32), 'head.bias': (5,)}, one per trained slice. models.from_rows names the entries "
        "of a row.",
    ),
    (
        lambda: trainer().step(torch.zeros(2, 1, 8, 8), torch.zeros(1)),
        "2 inputs and 1 labels; allowed: equally many, at least 1.",
    ),
    (
        lambda: trainer().step(torch.zeros(0, 1, 8, 8), torch.zeros(0)),
        "0 inputs and 0 labels; allowed: equally many, at least 1.",
    ),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_devices_refuses_in_its_own_words(number: int) -> None:
    check_refused(*REFUSED[number])
