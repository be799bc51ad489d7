"""What a worker of each lane loads before its first task."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from phonoscope.paths import bundled
from phonoscope.settings import Settings
from phonoscope.states import Lane, TaskName
from phonoscope_gpu import __main__ as program
from phonoscope_gpu.__main__ import prepare
from tests.unit.gpu.test_handler import body_of, run

PREPARED = """
import sys
from phonoscope.settings import Settings
from phonoscope.states import Lane
from phonoscope_gpu.__main__ import prepare
prepare(Settings.model_construct(device="cpu"), [Lane.LONG])
print("torch" in sys.modules)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """On a processor, with the shipped models."""
    return Settings.model_construct(
        device="cpu", default_model="auto", models_dir=bundled("models"), more_models_dir=tmp_path
    )


def test_the_long_lane_loads_nothing_before_a_task() -> None:
    """Its worker costs a machine little until somebody sends hours."""
    done = subprocess.run([sys.executable, "-c", PREPARED], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["False"]


def test_the_long_lane_loads_for_its_first_task(settings: Settings) -> None:
    """And keeps what it has loaded."""
    device, handler = prepare(settings, [Lane.LONG])
    assert device == "cpu"
    outcomes, work = run(handler, (TaskName.CLASSIFY,))
    assert body_of(outcomes[TaskName.CLASSIFY])["top"]
    first_s = work.timings["load_s"]
    _, work = run(handler, (TaskName.CLASSIFY,))
    assert work.timings["load_s"] < first_s / 2


@pytest.mark.parametrize(
    ("device", "driver", "asked"),
    [("auto", False, False), ("auto", True, True), ("cpu", True, False), ("cuda", False, True)],
)
def test_torch_is_asked_where_a_gpu_may_be(
    device: str, driver: bool, asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is told to use a GPU must end at its start where there is none."""
    (tmp_path / "nvidiactl").touch()
    monkeypatch.setattr(program, "_GPU_FILES", (tmp_path / ("nvidiactl" if driver else "absent"),))
    monkeypatch.setattr(sys, "platform", "linux")
    assert program._may_have_gpu(device) is asked
