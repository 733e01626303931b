"""Measure a class that drags: kernels whose Labs are turned at the same moment, on one machine.

Each student is a kernel of their own, as under JupyterHub, with the Lab that page 08 shows. This
script stands in for their pages: it sends what a page sends when a slider is released. It notes
when the first frame has arrived, with the new fleet and all that is known before training, and when
the first new curves have. What a browser then takes to draw them is not in the figures: that is
spent on the student's machine.
"""

from __future__ import annotations

import json
import os
import queue
import random
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import psutil
from jupyter_client.manager import KernelManager

from benchmarks.timing import spread

_PATIENCE_S = 600.0
_PAUSE_S = (2.0, 4.0)  # a student looks at what came out, then turns the next knob
_OPEN = """
from ftte_lab.lab import Lab
lab = Lab("lab")
lab"""
_NAMES = """
import json
NAMES = ("buffer", "concurrency", "straggler_share")
knobs = {name: lab.controls.knobs[name].widget for name in NAMES}
knobs = {name: [w.model_id, *places(w)] for name, w in knobs.items()}
print("names " + json.dumps({"stage": lab.display.stage.model_id, "knobs": knobs}))"""
_PLACES = """
def places(w):
    if hasattr(w, "options"):
        return ["index", list(range(len(w.options))), w.index]
    values = [w.min + k * (w.max - w.min) / 8 for k in range(1, 8)]
    return ["value", [type(w.value)(v) for v in values], w.value]"""


class Seat:
    """Hold a student's kernel and what a page would hold: the names of the knobs.

    Args:
        number: of the seat; it chooses what the student turns.
    """

    def __init__(self, number: int) -> None:
        self._draw = random.Random(number)  # noqa: S311  # which knob, not a secret
        environment = {**os.environ, "FTTE_MODE": "live", "FTTE_PROGRESS": "off"}
        self._manager = KernelManager(kernel_name="python3")
        self._manager.start_kernel(env=environment)
        self._client = self._manager.client()
        self._client.start_channels()
        self._newest = -1  # number of the run whose curves came last
        self._begun = -1  # number of the run that began last
        self._stage = ""
        self._knobs: dict[str, list[Any]] = {}  # model, trait, places, where it stands

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    @property
    def alive(self) -> bool:
        """Whether the kernel has survived."""
        return bool(self._manager.is_alive())

    def open(self) -> float:
        """Show the Lab; return the seconds until its first curves have arrived."""
        self._client.wait_for_ready(timeout=_PATIENCE_S)
        begun = time.monotonic()
        printed: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        for cell in (_OPEN, _PLACES + _NAMES):
            reply = self._client.execute_interactive(cell, timeout=_PATIENCE_S, output_hook=hear)
            if reply["content"]["status"] != "ok":
                raise RuntimeError(f"the Lab did not open: {reply['content'].get('evalue')}")
        line = next(text for text in "".join(printed).splitlines() if text.startswith("names "))
        names = json.loads(line.removeprefix("names "))
        self._stage, self._knobs = names["stage"], names["knobs"]
        self._send(self._stage, {"method": "custom", "content": {"action": "hello"}})
        self._first_curves()
        return time.monotonic() - begun

    def drag(self, until: float) -> list[tuple[float, float]]:
        """Turn knobs until a moment; return the seconds to the first frame and curves of each."""
        found = []
        while time.monotonic() < until:
            name = self._draw.choice(sorted(self._knobs))
            model, trait, values, now = self._knobs[name]
            value = self._draw.choice([v for v in values if v != now])
            self._knobs[name][-1] = value  # the same value again would start nothing
            self._listen(0.0)
            begun = time.monotonic()
            self._send(model, {"method": "update", "state": {trait: value}, "buffer_paths": []})
            if (frame := self._first_frame()) and (curves := self._first_curves()):
                found.append((frame - begun, curves - begun))
            self._listen(self._draw.uniform(*_PAUSE_S))
        return found

    def memory_mib(self) -> tuple[float, float]:
        """Return the MiB of the kernel, and of the worker processes that it has started.

        Proportional set size: what several processes share is counted once in all.
        """
        kernel = psutil.Process(self._manager.provisioner.pid)  # type: ignore[union-attr]
        return _pss(kernel), sum(map(_pss, kernel.children(recursive=True)))

    def _send(self, comm: str, data: dict[str, Any]) -> None:
        message = self._client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        self._client.shell_channel.send(message)

    def _from_stage(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return what the stage sends in a message, if it comes from the stage."""
        outer = message["content"]
        mine = message["msg_type"] == "comm_msg" and outer["comm_id"] == self._stage
        content: dict[str, Any] = outer["data"].get("content", {}) if mine else {}
        return content

    def _curves(self, message: dict[str, Any]) -> int:
        """Return the number of the run whose curves a message brings; -1: it brings none."""
        content = self._from_stage(message)
        drawn = content.get("kind") == "figure" and content["panel"] == "curves"
        return int(content["number"]) if drawn and any(map(len, message["buffers"])) else -1

    def _first_frame(self) -> float:
        """Wait for the first frame of a newer run; return when it came, or 0."""
        return self._wait_for(lambda content, _: content.get("kind") == "fleet")

    def _first_curves(self) -> float:
        """Wait for the first curves of a newer run; return when they came, or 0."""
        when = self._wait_for(lambda _, message: self._curves(message) > self._newest)
        self._newest = max(self._newest, self._begun if when else -1)
        return when

    def _wait_for(self, came: Callable[[dict[str, Any], dict[str, Any]], bool]) -> float:
        """Wait for a message of a newer run; return when it came.

        Instead a run may be refused, or be so long that it waits for a word: then return 0.
        """
        end = time.monotonic() + _PATIENCE_S
        while True:
            message = self._client.get_iopub_msg(timeout=end - time.monotonic())
            content = self._from_stage(message)
            if content.get("kind") == "state":
                self._begun = max(self._begun, content["number"])
            newer = self._begun > self._newest
            refused = content.get("kind") == "error" and content["text"]
            if refused or (newer and content.get("phase") == "stopped"):
                return 0.0
            if newer and came(content, message):
                return time.monotonic()

    def _listen(self, seconds: float) -> None:
        """Read as a page does while nobody turns anything; a kernel must not wait for us."""
        end = time.monotonic() + seconds
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                return
            self._newest = max(self._newest, self._curves(message))


def _pss(process: psutil.Process) -> float:
    held = process.memory_full_info()
    return float(getattr(held, "pss", held.uss)) / 2**20


def room(students: int, seconds: float) -> dict[str, Any]:
    """Let so many students drag for some seconds.

    Raises:
        RuntimeError: a kernel died.
    """
    seats = [Seat(k) for k in range(students)]
    try:
        with ThreadPoolExecutor(students) as pool:
            opened = list(pool.map(Seat.open, seats))
            until = time.monotonic() + seconds
            drags = [s for found in pool.map(lambda seat: seat.drag(until), seats) for s in found]
        frames, curves = zip(*drags, strict=True)
        memory = [seat.memory_mib() for seat in seats]
        if dead := sum(not seat.alive for seat in seats):
            raise RuntimeError(f"{dead} of {students} kernels died")
    finally:
        for seat in seats:
            seat.__exit__()
    return {
        "students_at_once": students,
        "opened_s_median": statistics.median(opened),
        "drags": len(drags),
        **spread("frame_s", frames),
        **spread("curves_s", curves),
        "kernel_mib": statistics.median(kernel for kernel, _ in memory),
        "kernel_mib_most": max(kernel for kernel, _ in memory),
        "workers_mib": statistics.median(workers for _, workers in memory),
        "died": dead,
    }


def run(quick: bool) -> list[dict[str, Any]]:
    """Measure one, four and ten students who drag for a minute and a half."""
    return [room(2, 10.0)] if quick else [room(students, 90.0) for students in (1, 4, 10)]
