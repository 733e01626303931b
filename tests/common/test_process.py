"""Process settings."""

import os

import pytest
import torch

from ftte_lab._common import configure_process, cores


def test_configure_process_sets_one_thread() -> None:
    configure_process()
    assert torch.get_num_threads() == 1


def test_cores_counts_what_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
    monkeypatch.setattr("sys.platform", "win32")
    assert cores() == 1
