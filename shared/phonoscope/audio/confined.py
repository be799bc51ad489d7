"""Decodes untrusted recordings: a child process reads the file, this one gets samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO, Literal, Self

import numpy as np
from av.audio.layout import AudioLayout
from pydantic import BaseModel, Field, PositiveInt

from phonoscope.audio.probe import SILENCE
from phonoscope.audio.samples import Block, Joined, limited
from phonoscope.audio.sandbox import Sandbox
from phonoscope.audio.source import BlockSource
from phonoscope.errors import UndecodableRecording

_FUNCTION = "phonoscope.audio.stream:stream_samples"
_LONGEST_PIECE_S = 60.0
_IMPOSSIBLE = "the file makes its decoder fail"


class ConfinedRecording(BlockSource):
    """A recording of a stranger, opened for one pass: as ``Recording``, but a child process decodes it.

    Args:
        owner: whom it belongs to; no process reads files of two owners.
        audio_track: the audio track to read, where it is another one than ``Recording`` reads by itself.

    Raises:
        RecordingError: as ``Recording`` does; ``UndecodableRecording`` also when the decoder crashes, or needs more
            than 512 MiB or a minute for a second of the recording; ``TooCostlyToRead`` when it needs more processor
            time for that than the file's size allows.
        Unavailable: no process can be started.
    """

    def __init__(self, file: BinaryIO, owner: str, audio_track: int | None = None) -> None:
        place = 0.0 if audio_track is None else audio_track + 1.0
        self.warnings: list[str] = []
        self._decoded: Counter[int] = Counter()
        with ExitStack() as opened:
            self._messages = opened.enter_context(_sandbox.streaming(file, place, owner))
            head, _ = next(self._messages)
            self.container, self.codec = str(head.get("container")), str(head.get("codec"))
            self._opened = opened.pop_all()

    @property
    def decoded_s(self) -> float:
        return sum(samples / rate for rate, samples in self._decoded.items())

    def blocks(self) -> Iterator[Block]:
        for head, body in self._messages:
            if "warnings" in head:
                self.warnings.extend(map(str, head["warnings"]))
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


class _Head(BaseModel):
    type: Literal["|u1", "<i2", "<i4", "<i8", "<f4", "<f8"]
    shape: tuple[PositiveInt, PositiveInt]
    interleaved: bool
    layout: str = Field(max_length=1_000)
    sample_rate_hz: int = Field(gt=0, lt=1 << 31)


def _piece(head: dict[str, Any], body: bytes) -> Joined:
    """Raises ``UndecodableRecording`` for what no decoder gives: the child may be the file's servant."""
    try:
        told = _Head.model_validate(head)
        values = np.frombuffer(body, np.dtype(told.type)).reshape(told.shape)
        channels = values.T if told.interleaved else values
        known = len(channels) == 1 or AudioLayout(told.layout).nb_channels == len(channels)
    except ValueError as error:
        raise UndecodableRecording(_IMPOSSIBLE) from error
    if not known:
        raise UndecodableRecording(_IMPOSSIBLE)
    return Joined(channels, told.layout, told.sample_rate_hz)


_sandbox = Sandbox(_FUNCTION, longest_s=_LONGEST_PIECE_S, sample=SILENCE)
