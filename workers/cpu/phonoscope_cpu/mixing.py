"""The ``mixdown`` task: mixes stems with gain and pan, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import zip_longest
from typing import BinaryIO, NamedTuple, TypeAlias

import numpy as np

from phonoscope.audio.buffer import StreamBuffer
from phonoscope.audio.confined import ConfinedRecording
from phonoscope.audio.encode import FORMATS, Encoder
from phonoscope.audio.samples import Samples
from phonoscope.contract import QUIETEST_GAIN_DB, MixdownOptions
from phonoscope.errors import NoStems
from phonoscope.tasks import Mixdown
from phonoscope.work import Artifact, Outcome
from phonoscope_worker import Work, spool, typed_resource_errors

KIND = "mix"
_RATE_HZ = 44_100
_FULL_SCALE = 1.0

Shares: TypeAlias = Samples
"""The weights of a stem's left and right channels in the mix, ``(2,)``."""


class Stem(NamedTuple):
    """A stem's file, and whom it belongs to."""

    file: BinaryIO
    owner_id: str


Stems: TypeAlias = Mapping[str, Stem]


@typed_resource_errors()
def mixdown_task(work: Work) -> Outcome:
    """Mixes the track's stems, in one pass to find the peak and one to write; the mix never exceeds full scale.

    Raises:
        NoStems: the track has no stems.
        InvalidRequest: a gain or a pan is given for a stem that does not exist.
        OutOfMemory, DiskFull: the worker has not enough memory or disk space.
    """
    with ExitStack() as opened:
        files = {name: opened.enter_context(file) for name, file in work.stems().items()}
        stems = {name: Stem(file, work.claim.track.owner_id) for name, file in files.items()}
        return _mix_stems(work, stems)


def _mix_stems(work: Work, stems: Stems) -> Outcome:
    options = work.options.mixdown
    shares = _shares(options, list(stems))
    with work.timed("mix_s"):
        work.report(0.0, "mixing")
        peak = max((float(np.abs(piece).max()) for piece in _mixed(stems, shares)), default=0.0)
        work.report(0.5, "mixing")
        scale = 1.0 / peak if peak > _FULL_SCALE or (options.normalise and peak > 0.0) else 1.0
        mix, samples = _written(stems, shares, options, scale)
    body = {
        "format": options.format,
        "sample_rate_hz": _RATE_HZ,
        "duration_s": round(samples / _RATE_HZ, 6),
        "stems": list(stems),
        "peak": round(peak * scale, 4),
        "lowered_db": round(-20.0 * float(np.log10(scale)), 2) if scale < 1.0 else 0.0,
        "audio": mix.reference,
    }
    return Outcome(body, artifacts=(mix,))


def _shares(options: MixdownOptions, names: list[str]) -> dict[str, Shares]:
    """Constant-power panning: a stem is as loud in the middle as at a side (3 dB apart in each channel)."""
    if not names:
        raise NoStems("the track has no stems yet; a job with the task `separate` makes them")
    Mixdown.check_stems(options, names)
    shares = {}
    for name in names:
        gain_db = options.gains_db.get(name, 0.0)
        gain = 0.0 if gain_db <= QUIETEST_GAIN_DB else 10.0 ** (gain_db / 20.0)
        angle = (options.pan.get(name, 0.0) + 1.0) * np.pi / 4.0
        # Stems in the middle keep their level, so that an unchanged mix is the recording.
        sides = np.sqrt(2.0) * np.array([np.cos(angle), np.sin(angle)])
        shares[name] = (gain * sides).astype(np.float32)
    return shares


def _mixed(stems: Stems, shares: Mapping[str, Shares]) -> Iterator[Samples]:
    """Yields the mix in pieces. Shape: ``(2, samples)`` each."""
    audible = [(_pieces(stem), shares[name]) for name, stem in stems.items() if shares[name].any()]
    if not audible:
        audible = [(_pieces(stem), np.zeros(2, dtype=np.float32)) for stem in list(stems.values())[:1]]
    for pieces in zip_longest(*(blocks for blocks, _ in audible)):
        length = max(piece.shape[1] for piece in pieces if piece is not None)
        mix = np.zeros((2, length), dtype=np.float32)
        for piece, (_, share) in zip(pieces, audible, strict=True):
            if piece is not None:
                mix[:, : piece.shape[1]] += share[:, None] * piece
        yield mix


def _pieces(stem: Stem) -> Iterator[Samples]:
    """A stem in pieces of a second, whatever the size of decoded blocks."""
    buffer = StreamBuffer(channels=2)
    with ConfinedRecording(stem.file, stem.owner_id) as recording:
        for block in recording.stereo(_RATE_HZ):
            buffer.append(block)
            while len(buffer) >= _RATE_HZ:
                yield buffer.take(_RATE_HZ)
    if len(buffer):
        yield buffer.samples


def _written(stems: Stems, shares: Mapping[str, Shares], options: MixdownOptions, scale: float) -> tuple[Artifact, int]:
    form, samples = FORMATS[options.format], 0
    with ExitStack() as kept:
        file = kept.enter_context(spool())
        with Encoder(file, _RATE_HZ, 2, form) as encoder:
            for piece in _mixed(stems, shares):
                encoder.write(piece * np.float32(scale))
                samples += piece.shape[1]
        kept.pop_all()
    return Artifact(f"mix{form.suffix}", KIND, form.media_type, file), samples
