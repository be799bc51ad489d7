"""Encodes samples to audio files of many formats, with PyAV; nothing in the files varies from run to run."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from .signal import RATE_HZ, Samples

# Suffix to codec, rate, bits a second and the encoder's options. FFmpeg's Vorbis encoder, which every PyAV has, is
# experimental and stereo only.
_CODECS: dict[str, tuple[str, int, int | None, dict[str, str]]] = {
    ".wav": ("pcm_s16le", RATE_HZ, None, {}),
    ".flac": ("flac", RATE_HZ, None, {}),
    ".ogg": ("vorbis", RATE_HZ, None, {"strict": "experimental"}),
    ".opus": ("libopus", 48_000, 96_000, {"compression_level": "5"}),
    ".mp3": ("libmp3lame", RATE_HZ, 128_000, {"compression_level": "7"}),
    ".m4a": ("aac", RATE_HZ, 128_000, {"aac_coder": "fast"}),
}


def write(path: Path, samples: NDArray[np.int16]) -> Path:
    """Writes samples at ``RATE_HZ`` in the format of the path's suffix; returns the path.

    Shape:
        - samples: ``(channels, samples)``, one or two channels

    Raises:
        KeyError: the suffix is not a known format's.
    """
    codec, rate_hz, bit_rate, options = _CODECS[path.suffix]
    if codec == "vorbis" and len(samples) == 1:
        samples = np.repeat(samples, 2, axis=0)
    layout = "stereo" if len(samples) == 2 else "mono"
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout, options=options)
        assert isinstance(stream, av.AudioStream)
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        if bit_rate:
            stream.bit_rate = bit_rate
        stream.codec_context.open()
        fit = AudioResampler(stream.format, layout, rate_hz, frame_size=stream.codec_context.frame_size or None)
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples.T).reshape(1, -1), "s16", layout)
        frame.sample_rate, frame.pts = RATE_HZ, 0
        for part in [*fit.resample(frame), *fit.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


def quantised(signal: Samples, peak: float) -> NDArray[np.int16]:
    """A signal scaled to a peak (full scale at 1.0) and rounded to 16 bits.

    Shape:
        - signal: ``(samples,)``
        - output: ``(1, samples)``
    """
    scaled: NDArray[np.int16] = np.round(signal[None, :] * (peak * 32_767.0 / np.abs(signal).max())).astype(np.int16)
    return scaled
