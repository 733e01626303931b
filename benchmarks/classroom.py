"""Measure what a class costs: kernels that run the same notebook at the same moment.

Each student is a kernel of their own, as under JupyterHub. The notebook is 06 at the size that
students run, in batch mode, which computes what a live page computes and draws more. Memory is the
proportional set size: what kernels share is counted once.
"""

from __future__ import annotations

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import psutil
from jupyter_client.manager import KernelManager

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "06_buffer.ipynb"
_PATIENCE_S = 900


def student(notebook: Path, size: str) -> dict[str, float]:
    """Run a notebook in a fresh kernel.

    Returns:
        Seconds to the first cell and to the end, processor seconds, and MiB.

    Raises:
        RuntimeError: a cell failed.
    """
    begun = time.monotonic()
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(notebook.parent), env={**os.environ, "FTTE_PROGRESS": "off"})
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=_PATIENCE_S)
        ready = 0.0
        for cell in nbformat.read(notebook, as_version=4).cells:
            if cell.cell_type != "code":
                continue
            source = (
                f"size = {size!r}" if "parameters" in cell.metadata.get("tags", []) else cell.source
            )
            reply = client.execute_interactive(
                source, timeout=_PATIENCE_S, output_hook=lambda _: None
            )
            if reply["content"]["status"] != "ok":
                raise RuntimeError(
                    f"a cell of {notebook.name} failed: {reply['content'].get('evalue')}"
                )
            if not ready and "import" in source:
                ready = time.monotonic() - begun
        process = psutil.Process(manager.provisioner.pid)  # type: ignore[union-attr]
        used, held = process.cpu_times(), process.memory_full_info()
        return {
            "first_cell_s": ready,
            "notebook_s": time.monotonic() - begun,
            "cpu_s": used.user + used.system,
            "kernel_mib": getattr(held, "pss", held.uss) / 2**20,
        }
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run(quick: bool) -> list[dict[str, Any]]:
    """Measure one, four and eight students at once."""
    rows = []
    for students in (1, 2) if quick else (1, 4, 8):
        with ThreadPoolExecutor(students) as room:
            found = list(
                room.map(lambda _: student(NOTEBOOK, "ci" if quick else "lab"), range(students))
            )
        median = {key: statistics.median(f[key] for f in found) for key in found[0]}
        rows.append(
            {
                "students_at_once": students,
                **median,
                "slowest_notebook_s": max(f["notebook_s"] for f in found),
            }
        )
    return rows
