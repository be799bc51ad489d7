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
"""Of each container the codecs that Chromium and Firefox both play; ``tests/browser/formats.py`` has them play it."""


_MARKS: Mapping[str, bytes] = {"wav": b"RIFF"}
"""How files of a container have to begin: RF64 and BW64 are WAV too, which Firefox does not play."""


def browsers_play(container: str, codec: str, begins: bytes) -> bool:
    """Whether browsers play a codec in a container, both by the names that a track has, and a file that begins so.

    >>> browsers_play("mp4", "aac", b""), browsers_play("mp4", "alac", b""), browsers_play("aiff", "pcm_s16be", b"FORM")
    (True, False, False)
    >>> browsers_play("wav", "pcm_s16le", b"RIFF"), browsers_play("wav", "pcm_s16le", b"RF64")
    (True, False)
    """
    return codec in _PLAYED.get(container, ()) and begins.startswith(_MARKS.get(container, b""))
