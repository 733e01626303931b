"""Devices: what each holds, how long it takes, and what a training step costs in memory."""

from ftte_lab.devices.accounting import ACCOUNTINGS
from ftte_lab.devices.catalogue import CATALOGUE, DeviceKind
from ftte_lab.devices.fleet import (
    Fleet,
    Times,
    energy_j,
    participation_times,
    sample_fleet,
    slowest,
)
from ftte_lab.devices.measure import measure_inference_peak, measure_peak, measure_trainer_peak
from ftte_lab.devices.memory import (
    MemoryBill,
    MemoryModel,
    decisions,
    inference_peak_bytes,
    memory_model,
    training_bill,
)
from ftte_lab.devices.memory_events import Decision, mask_links
from ftte_lab.devices.trainer import DeviceTrainer

__all__ = [
    "ACCOUNTINGS",
    "CATALOGUE",
    "Decision",
    "DeviceKind",
    "DeviceTrainer",
    "Fleet",
    "MemoryBill",
    "MemoryModel",
    "Times",
    "decisions",
    "energy_j",
    "inference_peak_bytes",
    "mask_links",
    "measure_inference_peak",
    "measure_peak",
    "measure_trainer_peak",
    "memory_model",
    "participation_times",
    "sample_fleet",
    "slowest",
    "training_bill",
]
