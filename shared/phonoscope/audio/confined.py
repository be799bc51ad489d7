"""Decodes untrusted recordings: a child process reads the file, this one gets samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Annotated, Any, BinaryIO, Literal, Self

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat, PositiveInt, StringConstraints

from phonoscope.audio.axis import Gap
from phonoscope.audio.partial_file import PartialFile
from phonoscope.audio.points import NOTED, SeekPoint, SeekPoints
from phonoscope.audio.probe import SILENCE
from phonoscope.audio.samples import Block, Joined, limited
from phonoscope.audio.sandbox import Sandbox
from phonoscope.audio.source import BlockSource
from phonoscope.audio.where import Where
from phonoscope.errors import UndecodableRecording

_FUNCTION = "phonoscope.audio.stream:stream_samples"
_LONGEST_PIECE_S = 60.0
_IMPOSSIBLE = "the file makes its decoder fail"


class ConfinedRecording(BlockSource):
    """A recording of a stranger, opened for one pass: as ``Recording``, but a child process decodes it.

    Args:
        owner: whom it belongs to; no process reads files of two owners.
        audio_track: the audio track to read, where it is another one than ``Recording`` reads by itself.
        from_s: the time from which on samples are wanted.
        point: where to begin instead; what is read ends with the recording, of joined ones, that it is in.
        noted: whether to note points while all of it is read.

    Attributes:
        start_s: where the first block begins: a second and more before ``from_s``, or at the recording's start.
        points: after the last block, those from which it can be decoded again, where they are ``noted``; ``None`` where
            there are none.
        stated_s: the duration that the header states, of joined recordings the first one's; ``None`` without one.

    Raises:
        RecordingError: as ``Recording`` does; ``UndecodableRecording`` also when the decoder crashes, or needs more
            than 512 MiB or a minute for a second of the recording; ``TooCostlyToRead`` when it needs more processor
            time for that than the file's size allows.
        Unavailable: no process can be started.
    """

    def __init__(
        self,
        file: BinaryIO | PartialFile,
        owner: str,
        audio_track: int | None = None,
        from_s: float = 0.0,
        point: SeekPoint | None = None,
        *,
        noted: bool = False,
    ) -> None:
        where = Where(audio_track, int(from_s * 1000.0)).pack()
        more = (NOTED if noted else b"") if point is None else point.pack()
        self.warnings: list[str] = []
        self.gaps: list[Gap] = []
        self.points: SeekPoints | None = None
        self._decoded: Counter[int] = Counter()
        with ExitStack() as opened:
            self._messages = opened.enter_context(_sandbox.streaming(file, where, owner, more))
            head, _ = next(self._messages)
            format_ = _Format.parse(head)
            self.container, self.codec = format_.container, format_.codec
            self.start_s, self.stated_s = format_.start_s, format_.stated_s
            self._opened = opened.pop_all()

    @property
    def decoded_s(self) -> float:
        return sum(samples / rate for rate, samples in self._decoded.items())

    def blocks(self) -> Iterator[Block]:
        for head, body in self._messages:
            if "warnings" in head:
                end = _End.parse(head)
                self.warnings += end.warnings
                self.gaps += [Gap(*gap) for gap in end.gaps]
                self.points = _points(body)
                continue
            block = limited(_piece(head, body))
            self._decoded[block.sample_rate_hz] += block.channels.shape[1]
            yield block

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()


def warm_up() -> None:
    """Starts the decoding process, so that the first recording is decoded fast. Raises ``Unavailable``."""
    _sandbox.start()


_Speaker = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,15}$")]
"""The library's buffer for a channel's name has sixteen bytes."""


class _Told(BaseModel):
    """What a child says; it may be the file's servant."""

    @classmethod
    def parse(cls, head: dict[str, Any]) -> Self:
        """Raises ``UndecodableRecording`` for what no decoder gives."""
        try:
            return cls.model_validate(head)
        except ValueError as error:
            raise UndecodableRecording(_IMPOSSIBLE) from error


class _Format(_Told):
    container: str
    codec: str
    start_s: FiniteFloat = Field(ge=0.0)
    stated_s: FiniteFloat | None


class _End(_Told):
    warnings: list[str]
    gaps: list[tuple[FiniteFloat, FiniteFloat]]


class _Head(_Told):
    type: Literal["|u1", "<i2", "<i4", "<i8", "<f4", "<f8"]
    shape: tuple[PositiveInt, PositiveInt]
    interleaved: bool
    speakers: tuple[_Speaker, ...]
    sample_rate_hz: int = Field(gt=0, lt=1 << 31)


def _points(body: bytes) -> SeekPoints | None:
    """Raises ``UndecodableRecording`` for what no decoder gives."""
    try:
        return SeekPoints.unpack(bytes(body)) if body else None
    except ValueError as error:
        raise UndecodableRecording(_IMPOSSIBLE) from error


def _piece(head: dict[str, Any], body: bytes) -> Joined:
    """Raises ``UndecodableRecording`` for what no decoder gives."""
    told = _Head.parse(head)
    try:
        values = np.frombuffer(body, np.dtype(told.type)).reshape(told.shape)
        channels = values.T if told.interleaved else values
    except ValueError as error:
        raise UndecodableRecording(_IMPOSSIBLE) from error
    if len(told.speakers) != len(channels):
        raise UndecodableRecording(_IMPOSSIBLE)
    return Joined(channels, told.speakers, told.sample_rate_hz)


_sandbox = Sandbox(_FUNCTION, longest_s=_LONGEST_PIECE_S, sample=SILENCE)
