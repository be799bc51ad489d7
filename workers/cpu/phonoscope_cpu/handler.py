"""A job's CPU tasks: decode once, every figure from the same pass."""

from __future__ import annotations

from phonoscope.audio import spectrogram, waveform
from phonoscope.db.artifacts import Artifact
from phonoscope.db.tasks import Outcome
from phonoscope.settings import Settings
from phonoscope.states import TaskName
from phonoscope.worker import Handler, Work
from phonoscope_cpu.describe import describe
from phonoscope_cpu.peaks import Peaks
from phonoscope_cpu.spectrogram import Spectrogram


def run(work: Work) -> dict[TaskName, Outcome]:
    """Runs the claimed tasks.

    Raises:
        RecordingError: the recording cannot be decoded.
    """
    return {task: _describe(work) for task in work.claim.tasks}


def prepare(settings: Settings) -> tuple[str, Handler]:  # noqa: ARG001 - every pool is prepared with the settings
    """There is nothing to load: the figures need no model and no device but the processor."""
    return "cpu", run


def _describe(work: Work) -> Outcome:
    duration_s = work.claim.track.duration_s
    peaks, columns = Peaks(), Spectrogram()

    def heard(done_s: float) -> None:
        work.report(done_s / max(done_s, duration_s), "measuring")

    with work.timed("describe_s"):
        body = describe(work.file, heard, beside=(peaks, columns))
        outline = Artifact("waveform.npz", waveform.KIND, waveform.MEDIA_TYPE, peaks.waveform.to_npz())
        picture = Artifact("spectrogram.npz", spectrogram.KIND, spectrogram.MEDIA_TYPE, columns.spectrogram.to_npz())
    body |= {"waveform": outline.reference, "spectrogram": picture.reference}
    return Outcome(body, artifacts=(outline, picture))
