"""What browsers play of what is read."""

from __future__ import annotations

from collections.abc import Mapping

_PLAYED: Mapping[str, frozenset[str]] = {
    "aac": frozenset({"aac"}),
    "flac": frozenset({"flac"}),
    "mov": frozenset({"aac", "mp3"}),
    "mp3": frozenset({"mp3"}),
    "mp4": frozenset({"aac", "flac", "mp3", "opus"}),
    "ogg": frozenset({"flac", "opus", "vorbis"}),
    "wav": frozenset({"pcm_alaw", "pcm_f32le", "pcm_mulaw", "pcm_s16le", "pcm_s24le", "pcm_u8"}),
    "webm": frozenset({"opus", "vorbis"}),
}
"""Of each container the codecs that Chromium and Firefox both play; measured by ``tests/browser/test_formats.py``."""


def browsers_play(container: str, codec: str) -> bool:
    """Whether browsers play a codec in a container, both by the names that a track has.

    >>> browsers_play("mp4", "aac"), browsers_play("mp4", "alac"), browsers_play("aiff", "pcm_s16be")
    (True, False, False)
    """
    return codec in _PLAYED.get(container, ())
