"""The ``describe`` task: measures a recording in one decoding pass, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import IO, Any, BinaryIO

import numpy as np

from phonoscope.audio import arrays, beats, points, pyramid, spectrogram, waveform
from phonoscope.audio.confined import ConfinedRecording
from phonoscope.audio.framing import Meter
from phonoscope.audio.playable import browsers_play
from phonoscope.audio.samples import HIGHEST_RATE_HZ, Block
from phonoscope.audio.speakers import UNKNOWN
from phonoscope.tasks.describe import MOST_INLINE_BEATS
from phonoscope.work import Artifact, Outcome
from phonoscope_cpu.measure.balance import Balance
from phonoscope_cpu.measure.levels import SilenceAndClipping
from phonoscope_cpu.measure.loudness import Loudness
from phonoscope_cpu.measure.peaks import WaveformMeter
from phonoscope_cpu.measure.rhythm import Rhythm, Tempo
from phonoscope_cpu.measure.spectrogram import Spectrogram
from phonoscope_cpu.measure.tonality import Key, Tonality
from phonoscope_cpu.playback import playback_of
from phonoscope_worker import Work, spool, typed_resource_errors

_RATE_HZ = 22_050


@typed_resource_errors()
def describe_task(work: Work) -> Outcome:
    """Measures the recording; outline, spectrogram, beats and the points to decode from become artifacts.

    So does a copy to play, where browsers do not play the recording, or would pass over its gaps.

    Raises:
        RecordingError: the recording cannot be opened, or no sample can be decoded.
        OutOfMemory, DiskFull: the pyramids or the copy need more than there is.
    """
    with ExitStack() as kept:
        outline, levels = kept.enter_context(spool()), kept.enter_context(spool())
        with work.timed("describe_s"):
            body, made, recording = _measured(work, outline, levels)
        if body["gaps"] or not browsers_play(recording.container, recording.codec, _beginning(work)):
            with work.timed("playback_s"):
                made.append(playback_of(work))
        kept.pop_all()
    body |= {artifact.kind: artifact.reference for artifact in made}
    return Outcome(body, artifacts=tuple(made))


def _beginning(work: Work) -> bytes:
    work.file.seek(0)
    return work.file.read(4)


def _measured(
    work: Work, outline: IO[bytes], levels: IO[bytes]
) -> tuple[dict[str, Any], list[Artifact], ConfinedRecording]:
    """What one pass over the recording finds; the pyramids are written to files, which are artifacts then."""
    track, audio_track = work.claim.track, work.options.audio_track
    peaks, columns, rhythm = WaveformMeter(outline), Spectrogram(levels), Rhythm(_RATE_HZ)

    def report(done_s: float) -> None:
        work.report(done_s / max(done_s, track.duration_s), "measuring")

    work.file.seek(0)
    passed: list[ConfinedRecording] = []
    body = describe(
        work.file,
        report,
        meters=(peaks, columns),
        owner=track.owner_id,
        audio_track=audio_track,
        rhythm=rhythm,
        keep=passed.append,
    )
    (recording,) = passed
    made = [
        Artifact("waveform.npz", waveform.KIND, arrays.MEDIA_TYPE, peaks.waveform.to_npz()),
        Artifact("spectrogram.npz", spectrogram.KIND, arrays.MEDIA_TYPE, columns.spectrogram.to_npz()),
        Artifact("waveform.pyramid", pyramid.OUTLINE, pyramid.MEDIA_TYPE, outline),
        Artifact("spectrogram.pyramid", pyramid.SPECTROGRAM, pyramid.MEDIA_TYPE, levels),
    ]
    if recording.points is not None:
        made.append(Artifact("seek.points", points.KIND, points.MEDIA_TYPE, recording.points.pack()))
    if body["beat_count"]:
        made.append(Artifact("beats.npz", beats.KIND, arrays.MEDIA_TYPE, rhythm.tempo.beats.to_npz()))
    return body, made, recording


def describe(
    source: BinaryIO,
    report: Callable[[float], None] = lambda _: None,
    *,
    meters: tuple[Meter, ...] = (),
    owner: str = "",
    audio_track: int | None = None,
    rhythm: Rhythm | None = None,
    keep: Callable[[ConfinedRecording], None] = lambda _: None,
) -> dict[str, Any]:
    """Measures tempo, key, loudness and balance; returns the body of the result.

    Args:
        report: called with the seconds decoded so far, about once for each second of the recording.
        meters: further meters, to which each block of the pass is added.
        owner: whom the recording belongs to.
        audio_track: the audio track to measure, where it is another one than is read by itself.
        rhythm: what measures tempo and beats, for a caller who wants more of it; at 22,050 Hz.
        keep: called with the recording after its pass, for what else is known of it then.

    Raises:
        RecordingError: the recording cannot be opened, or no sample can be decoded.
    """
    rhythm, tonality = rhythm or Rhythm(_RATE_HZ), Tonality(_RATE_HZ)
    with _MeteredRecording(source, owner, meters, audio_track) as recording:
        for samples in recording.mono(_RATE_HZ):
            rhythm.add(samples)
            tonality.add(samples)
            report(recording.decoded_s)
        rhythm.finish()
        tonality.finish()
    keep(recording)
    levels, loudness, balance = recording.levels, recording.loudness, recording.balance
    silence = ["silence: there is no energy from 20 Hz up to share out"] if balance.silent else []
    return {
        **_rhythm_figures(rhythm.tempo),
        **_key_figures(tonality.key),
        "loudness_lufs": _rounded(loudness.integrated_lufs, 2),
        "momentary_max_lufs": _rounded(loudness.momentary_max_lufs, 2),
        "short_term_max_lufs": _rounded(loudness.short_term_max_lufs, 2),
        "loudness_range_lu": _rounded(loudness.range_lu, 2),
        "true_peak_dbfs": _rounded(loudness.true_peak_dbfs, 2),
        "true_peaks_dbfs": _peaks(loudness),
        "onset_rate_hz": round(rhythm.onsets / recording.decoded_s, 3),
        "centroid_hz": _rounded(balance.centroid_hz, 1),
        "bands": [{**band, "share": round(band["share"], 6)} for band in balance.bands],
        "levels": balance.levels,
        "silence_share": round(levels.silence_share, 6),
        "clipping_share": round(levels.clipping_share, 6),
        "duration_s": round(recording.decoded_s, 3),
        "gaps": [{"start_s": round(gap.start_s, 3), "end_s": round(gap.end_s, 3)} for gap in recording.gaps],
        "warnings": [*recording.warnings, *loudness.warnings, *silence],
    }


def _rhythm_figures(tempo: Tempo) -> dict[str, Any]:
    few = len(tempo.beats.beats_s) <= MOST_INLINE_BEATS
    return {
        "tempo_bpm": _rounded(tempo.bpm, 2),
        "tempo_confidence": round(tempo.confidence, 3),
        "tempo_candidates": [
            {"bpm": round(each.bpm, 2), "strength": round(each.strength, 3)} for each in tempo.candidates
        ],
        "metre": tempo.metre,
        "beat_count": len(tempo.beats.beats_s),
        "beats_s": np.round(tempo.beats.beats_s, 3).tolist() if few else None,
        "downbeats_s": np.round(tempo.beats.downbeats_s, 3).tolist() if few else None,
    }


def _key_figures(key: Key) -> dict[str, Any]:
    other = key.runner_up
    return {
        "key": key.name,
        "key_confidence": round(key.confidence, 3),
        "key_runner_up": other and {"name": other.name, "strength": round(other.strength, 3)},
        "tuning_cents": _rounded(key.tuning_cents, 1),
    }


class _MeteredRecording(ConfinedRecording):
    """A recording that adds each decoded block, at its own rate and with all channels, to meters."""

    def __init__(self, source: BinaryIO, owner: str, meters: tuple[Meter, ...], audio_track: int | None) -> None:
        super().__init__(source, owner, audio_track, noted=True)
        self.levels = SilenceAndClipping(self.codec)
        self.loudness = Loudness()
        self.balance = Balance()
        self._meters: tuple[Meter, ...] = (self.levels, self.loudness, self.balance, *meters)

    def blocks(self) -> Iterator[Block]:
        for block in super().blocks():
            if block.sample_rate_hz <= HIGHEST_RATE_HZ:
                for meter in self._meters:
                    meter.add(block)
            yield block
        for meter in self._meters:
            meter.finish()


def _peaks(loudness: Loudness) -> list[dict[str, str | float | None]]:
    names = (None if name == UNKNOWN else name for name in loudness.speakers)
    return [
        {"channel": name, "peak_dbfs": _rounded(peak, 2)}
        for name, peak in zip(names, loudness.true_peaks_dbfs, strict=True)
    ]


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
