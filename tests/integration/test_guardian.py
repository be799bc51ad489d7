"""A worker's guardian beside a real broker."""

from __future__ import annotations

import pytest

from phonoscope.settings import Settings
from phonoscope.states import Pool
from phonoscope_worker import guardian as module
from phonoscope_worker.guardian import Guardian
from phonoscope_worker.set_up import ChildSetUp
from tests.unit.worker.test_guardian import CeleryWorker, status_of_check


@pytest.mark.parametrize(("after_s", "status"), [(0.0, 1), (60.0, 0)])
def test_a_worker_whose_child_does_not_come_ends(
    server_settings: Settings, monkeypatch: pytest.MonkeyPatch, after_s: float, status: int
) -> None:
    """With the status of a failure, so that another one is started; not before its time is over."""
    monkeypatch.setattr(module, "CHILDLESS_AFTER_S", after_s)
    guardian = Guardian(Pool.CPU, server_settings, ChildSetUp(), lambda: None)
    guardian.children.attach(CeleryWorker())
    assert status_of_check(guardian) == status
