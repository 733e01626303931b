"""Devices: what each holds, how long it takes, and what a training step costs in memory."""

from ftte_lab.devices.accounting import ACCOUNTINGS
from ftte_lab.devices.battery import DAY_S, Batteries, draw_batteries
from ftte_lab.devices.catalogue import CATALOGUE
from ftte_lab.devices.device_kind import DeviceKind
from ftte_lab.devices.faults import FAULTS, FaultyMessages, faulty_clients, random_labels
from ftte_lab.devices.fleet import (
    Fleet,
    Times,
    energy_j,
    participation_times,
    sample_fleet,
    slowest,
)
from ftte_lab.devices.levers import lever_bills
from ftte_lab.devices.local_step import LocalStep, part_sizes
from ftte_lab.devices.measure import measure_inference_peak, measure_peak, measure_trainer_peak
from ftte_lab.devices.memory import (
    MemoryBill,
    MemoryModel,
    decisions,
    inference_peak_bytes,
    memory_model,
    training_bill,
)
from ftte_lab.devices.memory_course import Moment, memory_course
from ftte_lab.devices.memory_events import mask_links
from ftte_lab.devices.memory_terms import Decision
from ftte_lab.devices.segments import recompute_flops
from ftte_lab.devices.trainer import DeviceTrainer

__all__ = [
    "ACCOUNTINGS",
    "CATALOGUE",
    "DAY_S",
    "FAULTS",
    "Batteries",
    "Decision",
    "DeviceKind",
    "DeviceTrainer",
    "FaultyMessages",
    "Fleet",
    "LocalStep",
    "MemoryBill",
    "MemoryModel",
    "Moment",
    "Times",
    "decisions",
    "draw_batteries",
    "energy_j",
    "faulty_clients",
    "inference_peak_bytes",
    "lever_bills",
    "mask_links",
    "measure_inference_peak",
    "measure_peak",
    "measure_trainer_peak",
    "memory_course",
    "memory_model",
    "part_sizes",
    "participation_times",
    "random_labels",
    "recompute_flops",
    "sample_fleet",
    "slowest",
    "training_bill",
]
