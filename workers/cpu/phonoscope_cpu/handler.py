"""A job's CPU tasks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import BinaryIO, cast

from phonoscope.audio import arrays, spectrogram, waveform
from phonoscope.db.artifacts import Artifact
from phonoscope.db.tasks import Outcome
from phonoscope.settings import Settings
from phonoscope.states import TaskName
from phonoscope.worker import Handler, Work, outcome_of
from phonoscope_cpu.describe import describe
from phonoscope_cpu.mixing import mixdown_task
from phonoscope_cpu.peaks import Peaks
from phonoscope_cpu.separating import separate_task
from phonoscope_cpu.separators import Separators
from phonoscope_cpu.spectrogram import Spectrogram


def run(separators: Separators, work: Work) -> dict[TaskName, Outcome]:
    """Runs the claimed tasks; one that fails leaves the others their results."""
    outcomes: dict[TaskName, Outcome] = {}
    tasks: dict[TaskName, Callable[[], Outcome]] = {
        TaskName.DESCRIBE: lambda: _describe(work),
        TaskName.SEPARATE: lambda: separate_task(work, separators),
        TaskName.MIXDOWN: lambda: _mixdown(work, outcomes.get(TaskName.SEPARATE)),
    }
    # In this order: a mix is made of the stems that the same job makes.
    for name, task in tasks.items():
        if name in work.claim.tasks:
            outcomes[name] = outcome_of(task)
    return outcomes


def prepare(settings: Settings) -> tuple[str, Handler]:
    """There is nothing to load yet: the figures need no model, and stems load theirs when they are first asked for."""
    return "cpu", partial(run, Separators.of(settings))


def _describe(work: Work) -> Outcome:
    duration_s = work.claim.track.duration_s
    peaks, columns = Peaks(), Spectrogram()

    def heard(done_s: float) -> None:
        work.report(done_s / max(done_s, duration_s), "measuring")

    work.file.seek(0)
    with work.timed("describe_s"):
        body = describe(work.file, heard, beside=(peaks, columns))
        outline = Artifact("waveform.npz", waveform.KIND, arrays.MEDIA_TYPE, peaks.waveform.to_npz())
        picture = Artifact("spectrogram.npz", spectrogram.KIND, arrays.MEDIA_TYPE, columns.spectrogram.to_npz())
    body |= {"waveform": outline.reference, "spectrogram": picture.reference}
    return Outcome(body, artifacts=(outline, picture))


def _mixdown(work: Work, separated: Outcome | None) -> Outcome:
    """Of this job's own stems, else of those that the track has."""
    if separated is not None:
        return mixdown_task(work, {stem.name.partition(".")[0]: _file(stem) for stem in separated.artifacts})
    stems = work.stems()
    try:
        return mixdown_task(work, stems)
    finally:
        for file in stems.values():
            file.close()


def _file(artifact: Artifact) -> BinaryIO:
    return cast(BinaryIO, artifact.open())
