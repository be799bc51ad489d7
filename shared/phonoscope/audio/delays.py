"""How late decoders give sound that no time stamp and no container accounts for."""

from __future__ import annotations

_FLAGS_AT = {"wmav1": 2, "wmav2": 4}
_BIT_RESERVOIR = 2
_FRAME_SAMPLES = {
    "wmav1": ((16_000, 512), (32_000, 1_024), (48_000, 2_048), (96_000, 4_096)),
    "wmav2": ((16_000, 512), (22_050, 1_024), (48_000, 2_048), (96_000, 4_096)),
}
_LONGEST_FRAME_SAMPLES = 8_192


def delays_frames(codec: str) -> bool:
    """Whether the library drops a codec's first frames, and moves its time stamps, on its own account."""
    return codec in _FLAGS_AT


def delay_s(codec: str, sample_rate_hz: int, extradata: bytes) -> float:
    """By how much the sound of a decoder that drops nothing is late, in seconds.

    Windows Media Audio overlaps frames: the first one holds no sound. So it is in the files of FFmpeg's encoder, which
    has no bit reservoir; those of others are a frame later, as FFmpeg's decoder takes all to be.
    """
    if codec not in _FLAGS_AT or not sample_rate_hz:
        return 0.0
    at = _FLAGS_AT[codec]
    flags = int.from_bytes(extradata[at : at + 2], "little")
    return (2 if flags & _BIT_RESERVOIR else 1) * _frame_samples(codec, sample_rate_hz) / sample_rate_hz


def _frame_samples(codec: str, sample_rate_hz: int) -> int:
    sizes = (samples for highest_hz, samples in _FRAME_SAMPLES[codec] if sample_rate_hz <= highest_hz)
    return next(sizes, _LONGEST_FRAME_SAMPLES)
