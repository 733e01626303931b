"""Keep what a real run did: one record per job, one per event, and the trained model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ftte_lab.models import Params
from ftte_lab.simulation import History, Prepared

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Noticed:
    """Report what happened to a node.

    Attributes:
        what: "joined", "lost", "left", "void", "refused", "unreadable", "late", "sent" or
            "arrived".
        node: its name.
        participation: which one, or -1.
        real_s: real seconds since the run began.
    """

    what: str
    node: str
    participation: int
    real_s: float


@dataclass(eq=False)
class JobRecord:
    """Hold what is known of a job.

    Attributes:
        number: of the job.
        participation: number of the participation.
        node: who did it.
        client: which client it played.
        visit: how many participations the client had before.
        version: the version that it started from.
        whole: whether it carried the complete model.
        sent_s: real seconds since the run began.
        arrived_s: the same, of the update; nan: it did not arrive.
        pace_download_s: what the device that it plays takes to download, in real seconds; 0: the
            node was not slowed down.
        pace_compute_s: the same, to compute.
        pace_upload_s: the same, to upload.
        download_s: what the node took to unpack the model, its pace included (s).
        compute_s: what it took to train, its pace included (s).
        upload_s: what it took to pack the update, its pace included (s).
        payload_down_bytes: of the download, as `models` serialises it.
        payload_up_bytes: of the upload.
        framed_down_bytes: of the download with everything that the carrier puts around it.
        framed_up_bytes: of the upload.
        tensor_peak_bytes: of the tensors of a training step on that node; 0: not measured.
        process_growth_bytes: by how much the process grew meanwhile.
        micro_batch: samples that the node passes at once.
        outcome: "running", "buffered", "stale", "aborted", "lost", "void" or "unreadable".
    """

    number: int
    participation: int
    node: str
    client: int
    visit: int
    version: int
    whole: bool
    sent_s: float
    arrived_s: float = float("nan")
    pace_download_s: float = 0.0
    pace_compute_s: float = 0.0
    pace_upload_s: float = 0.0
    download_s: float = float("nan")
    compute_s: float = float("nan")
    upload_s: float = float("nan")
    payload_down_bytes: int = 0
    payload_up_bytes: int = 0
    framed_down_bytes: int = 0
    framed_up_bytes: int = 0
    tensor_peak_bytes: int = 0
    process_growth_bytes: int = 0
    micro_batch: int = 0
    outcome: str = "running"


@dataclass(frozen=True, eq=False)
class RealRun:
    """Hold a run that was done by real processes.

    Attributes:
        mode: "locked" or "free".
        predicted: the prepared run, with the simulated timeline.
        measured: the same, with the timeline that was measured; locked: the simulated one.
        history: the record of the run, as `simulation.run` returns it.
        params: the trained model.
        jobs: one row per job (see `JobRecord`).
        events: one row per event (see `Noticed`).
        counts: how many messages were refused, unreadable, late and so on, by reason.
        scale: real seconds that a virtual second took; 0 where the timeline was followed as fast
            as it went.
        real_s: real seconds from the first job to the end.
    """

    mode: str
    predicted: Prepared
    measured: Prepared
    history: History
    params: Params
    jobs: pd.DataFrame
    events: pd.DataFrame
    counts: Mapping[str, int] = field(default_factory=dict)
    scale: float = 0.0
    real_s: float = 0.0

    def digest(self) -> str:
        """Return a short name for exactly this model and history: see `run_digest`."""
        return run_digest(self.params, self.history)


def run_digest(params: Params, history: History) -> str:
    """Return a short name for a model and a history: equal to the bit, or another name.

    Args:
        params: the trained model.
        history: the record of its run.
    """
    content = hashlib.sha256(history.to_json().encode())
    for name, value in params.items():
        content.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        content.update(value.contiguous().numpy().tobytes())
    return content.hexdigest()[:16]
