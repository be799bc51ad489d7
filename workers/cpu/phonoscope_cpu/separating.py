"""The ``separate`` task: computes a recording's stems and encodes them on the fly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from phonoscope.audio.buffer import StreamBuffer
from phonoscope.audio.encode import FORMATS, Encoder
from phonoscope.audio.samples import Samples
from phonoscope.contract import SeparateOptions
from phonoscope.tasks.separate import stem_names
from phonoscope.work import Artifact, Outcome
from phonoscope_cpu.separators import Separators
from phonoscope_worker import Work, spool, typed_resource_errors

if TYPE_CHECKING:
    from phonoscope_ml.separation.adaptive import AdaptiveEstimator
    from phonoscope_ml.separation.stream import Scale

KIND = "stem"


@typed_resource_errors()
def separate_task(work: Work, separators: Separators) -> Outcome:
    """Separates the recording in constant memory: one pass to measure it, one to separate it.

    Raises:
        RecordingError: the recording cannot be decoded.
        ModelError: the model does not exist, or cannot be served.
        InvalidRequest: the model has no such stem.
        OutOfMemory, DiskFull: even the smallest plan needs more memory, or the stems need more disk space.
    """
    options = work.options.separate
    with work.timed("load_s"):
        manifest, estimate = separators.get(options.model, options.precision)
    names = stem_names(options, manifest.sources)
    with work.timed("measure_s"):
        scale, warnings = _measured(work, estimate.sample_rate_hz)
    with ExitStack() as kept, work.timed("separate_s"):
        files = [kept.enter_context(spool()) for _ in names]
        peaks = _write(work, estimate, scale, options, files)
        kept.pop_all()
    form = FORMATS[options.format]
    stems = [
        Artifact(f"{name}{form.suffix}", KIND, form.media_type, file) for name, file in zip(names, files, strict=True)
    ]
    body = {
        "model": {"name": manifest.name, "digest": f"sha256:{manifest.digest}"},
        "sample_rate_hz": estimate.sample_rate_hz,
        "precision": options.precision,
        "stems": [
            {
                "name": name,
                "format": options.format,
                "duration_s": round(scale.length / estimate.sample_rate_hz, 6),
                "peak": round(peak, 4),
                "audio": stem.reference,
            }
            for name, stem, peak in zip(names, stems, peaks, strict=True)
        ],
        "provenance": estimate.provenance,
        "warnings": [*warnings, *_clipped(names, peaks, options)],
    }
    return Outcome(body, None, manifest.name, f"sha256:{manifest.digest}", artifacts=tuple(stems))


def _measured(work: Work, rate_hz: int) -> tuple[Scale, list[str]]:
    from phonoscope_ml.separation.stream import measure

    work.report(0.0, "measuring")
    work.file.seek(0)
    with work.recording() as recording:
        return measure(recording.stereo(rate_hz)), recording.warnings


def _write(
    work: Work, estimate: AdaptiveEstimator, scale: Scale, options: SeparateOptions, files: list[BinaryIO]
) -> list[float]:
    """Encodes the stems into the files; returns the highest absolute value of each."""
    from phonoscope_ml.separation.stream import separate

    peaks = [0.0] * len(files)
    work.file.seek(0)
    with work.recording() as recording, ExitStack() as open_encoders:
        mixture = StreamBuffer(channels=2)
        blocks = _recorded(recording.stereo(estimate.sample_rate_hz), mixture)
        form = FORMATS[options.format]
        encoders = [open_encoders.enter_context(Encoder(file, estimate.sample_rate_hz, 2, form)) for file in files]
        for stems in separate(estimate, blocks, scale, lambda share: work.report(share, "separating")):
            whole = mixture.take(stems.shape[-1])
            for index, stem in enumerate(_chosen(stems, whole, estimate.sources, options.two_stems)):
                encoders[index].write(stem)
                peaks[index] = max(peaks[index], float(np.abs(stem).max()))
    return peaks


def _chosen(stems: Samples, whole: Samples, sources: tuple[str, ...], two_stems: str | None) -> Iterable[Samples]:
    if two_stems is None:
        return stems
    stem = stems[sources.index(two_stems)]
    return stem, whole - stem


def _clipped(names: list[str], peaks: list[float], options: SeparateOptions) -> list[str]:
    loud = [name for name, peak in zip(names, peaks, strict=True) if peak > 1.0]
    if not loud or options.format == "wav32f":
        return []
    return [f"{', '.join(loud)}: louder than full scale, at which {options.format} clips them; wav32f does not"]


def _recorded(blocks: Iterable[Samples], buffer: StreamBuffer) -> Iterator[Samples]:
    """Yields a stream's blocks, and appends them to a buffer."""
    for block in blocks:
        buffer.append(block)
        yield block
