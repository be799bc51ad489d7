"""A job's CPU tasks: decode once, every figure from the same pass."""

from __future__ import annotations

from phonoscope.db.tasks import Outcome
from phonoscope.settings import Settings
from phonoscope.states import TaskName
from phonoscope.worker import Handler, Work
from phonoscope_cpu.describe import describe


def run(work: Work) -> dict[TaskName, Outcome]:
    """Runs the claimed tasks.

    Raises:
        RecordingError: the recording cannot be decoded.
    """
    duration_s = work.claim.track.duration_s
    with work.timed("describe_s"):
        body = describe(work.file, lambda done_s: work.report(done_s / max(done_s, duration_s), "measuring"))
    return {task: Outcome(body) for task in work.claim.tasks}


def prepare(settings: Settings) -> tuple[str, Handler]:  # noqa: ARG001 - every pool is prepared with the settings
    """There is nothing to load: the figures need no model and no device but the processor."""
    return "cpu", run
