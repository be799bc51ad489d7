"""Finds out what an upload is, and whether it can be analysed.

Libraries that read untrusted files can crash or use much memory. ``probe`` therefore reads the file in a child process
with limits on memory and time: a bad file costs the caller no more than an error.
"""

from __future__ import annotations

import struct
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field

from phonoscope.audio.facts import MOST_AUDIO_TRACKS, AudioTrack, Tags
from phonoscope.audio.sandbox import Sandbox
from phonoscope.errors import UndecodableRecording

_FUNCTION = "phonoscope.audio.examine:examine_as_json"
_LONGEST_CALL_S = 120.0
_MOST_COVER_CHARACTERS = 400_000
COVER_TYPE = "image/jpeg"
_JPEG = b"\xff\xd8\xff"
SILENCE = (
    struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 68, b"WAVE", b"fmt ", 16, 1, 2, 48_000, 192_000, 4, 16, b"data", 32)
    + b"\0" * 32
)
"""A file for rehearsals."""


class Probe(BaseModel):
    """The format and duration of a recording; rate and channels are those of most of it.

    ``duration_s`` is the duration of the decodable audio, not the header's. ``audio_track`` is the index of the audio
    track that was probed; ``cover_base64`` is a JPEG.
    """

    model_config = ConfigDict(frozen=True)

    container: str
    codec: str
    media_type: str
    sample_rate_hz: int
    channels: int
    duration_s: float
    warnings: list[str]
    audio_track: int = 0
    audio_tracks: list[AudioTrack] = Field(default_factory=list, max_length=MOST_AUDIO_TRACKS)
    tags: Tags = Tags()
    cover_base64: str | None = Field(None, max_length=_MOST_COVER_CHARACTERS)

    @property
    def cover(self) -> bytes | None:
        """The cover as a JPEG. Raises ``ValueError`` for anything else."""
        if self.cover_base64 is None:
            return None
        content = b64decode(self.cover_base64, validate=True)
        if not content.startswith(_JPEG):
            raise ValueError("the cover is no JPEG")
        return content


def probe(file: BinaryIO, *, max_duration_s: float, owner: str = "") -> Probe:
    """Probes a recording in a child process; the file's position does not change.

    Args:
        owner: whom the recording belongs to. Owners share the processes by turns.

    Raises:
        RecordingError: as ``examine`` does; ``UndecodableRecording`` also when the reader crashes, or needs more than
            two minutes or 512 MiB; ``TooCostlyToRead`` when it takes more processor time than its size allows.
        Unavailable: no process can be started.
    """
    with probing(file, max_duration_s=max_duration_s, owner=owner) as finish:
        return finish()


@contextmanager
def probing(file: BinaryIO, *, max_duration_s: float, owner: str = "") -> Iterator[Callable[[], Probe]]:
    """Probes a recording while the caller does something else; the yielded function waits for the result, as ``probe``.

    The file may be read meanwhile.
    """
    with _sandbox.calling(file, max_duration_s, owner) as finish:
        yield lambda: _believed(finish())


def _believed(found: dict[str, Any]) -> Probe:
    """Raises ``UndecodableRecording`` for what no probe finds: the child may be the file's servant."""
    try:
        believed = Probe.model_validate(found)
        _ = believed.cover
    except ValueError as error:
        raise UndecodableRecording("the file makes its decoder fail") from error
    return believed


def warm_up() -> None:
    """Starts the probing process, so that the first probe is fast. Raises ``Unavailable``."""
    _sandbox.start()


_sandbox = Sandbox(_FUNCTION, longest_s=_LONGEST_CALL_S, sample=SILENCE)
