"""A job's CPU tasks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from phonoscope.audio import arrays, spectrogram, waveform
from phonoscope.settings import Settings
from phonoscope.states import TaskName
from phonoscope.work import Artifact, Outcome
from phonoscope_cpu.describe import describe
from phonoscope_cpu.mapping import map_task
from phonoscope_cpu.measure.peaks import WaveformMeter
from phonoscope_cpu.measure.spectrogram import Spectrogram
from phonoscope_cpu.mixing import mixdown_task
from phonoscope_cpu.separating import separate_task
from phonoscope_cpu.separators import Separators
from phonoscope_worker import Handler, Work, outcome_of


def run(separators: Separators, cache: Path, work: Work) -> dict[TaskName, Outcome]:
    """Runs the claimed tasks; one that fails leaves the others their results."""
    tasks: dict[TaskName, Callable[[], Outcome]] = {
        TaskName.DESCRIBE: lambda: _describe(work),
        TaskName.SEPARATE: lambda: separate_task(work, separators),
        TaskName.MIXDOWN: lambda: _mixdown(work),
        TaskName.MAP: lambda: map_task(work, cache),
    }
    return {name: outcome_of(tasks[name]) for name in work.claim.tasks}


def prepare(settings: Settings) -> tuple[str, Handler]:
    """There is nothing to load yet: the figures need no model, and stems load theirs when they are first asked for."""
    return "cpu", partial(run, Separators.of(settings), settings.cache_dir / "numba")


def _describe(work: Work) -> Outcome:
    duration_s = work.claim.track.duration_s
    peaks, columns = WaveformMeter(), Spectrogram()

    def heard(done_s: float) -> None:
        work.report(done_s / max(done_s, duration_s), "measuring")

    work.file.seek(0)
    with work.timed("describe_s"):
        body = describe(work.file, heard, beside=(peaks, columns))
        outline = Artifact("waveform.npz", waveform.KIND, arrays.MEDIA_TYPE, peaks.waveform.to_npz())
        picture = Artifact("spectrogram.npz", spectrogram.KIND, arrays.MEDIA_TYPE, columns.spectrogram.to_npz())
    body |= {"waveform": outline.reference, "spectrogram": picture.reference}
    return Outcome(body, artifacts=(outline, picture))


def _mixdown(work: Work) -> Outcome:
    """Of the stems that the track has; a job that separates too has them by now."""
    stems = work.stems()
    try:
        return mixdown_task(work, stems)
    finally:
        for file in stems.values():
            file.close()
