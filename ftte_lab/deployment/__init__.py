"""Real processes: the same methods over a network, and the simulation put to the test."""

from ftte_lab.deployment.calibrate import MeasuredStep, calibrate, fitted_kind, measure_step
from ftte_lab.deployment.carrier import Heard, NodeCarrier, ServerCarrier
from ftte_lab.deployment.commands import NODE_COMMANDS
from ftte_lab.deployment.errors import DeploymentError
from ftte_lab.deployment.join_line import JoinLine
from ftte_lab.deployment.paced_timeline import paced_timeline
from ftte_lab.deployment.picture import picture_spec
from ftte_lab.deployment.records import JobRecord, Noticed, RealRun, run_digest
from ftte_lab.deployment.report import (
    accuracy_table,
    arrival_table,
    comparison,
    memory_table,
    order_agreement,
    staleness_table,
)
from ftte_lab.deployment.room import Room
from ftte_lab.deployment.runner import CARRIERS, follow_run, open_room, run_free, run_locked
from ftte_lab.deployment.stored_run import STORED, stored_run

__all__ = [
    "CARRIERS",
    "NODE_COMMANDS",
    "STORED",
    "DeploymentError",
    "Heard",
    "JobRecord",
    "JoinLine",
    "MeasuredStep",
    "NodeCarrier",
    "Noticed",
    "RealRun",
    "Room",
    "ServerCarrier",
    "accuracy_table",
    "arrival_table",
    "calibrate",
    "comparison",
    "fitted_kind",
    "follow_run",
    "measure_step",
    "memory_table",
    "open_room",
    "order_agreement",
    "paced_timeline",
    "picture_spec",
    "run_digest",
    "run_free",
    "run_locked",
    "staleness_table",
    "stored_run",
]
