"""Recordings of formats that no encoder at hand writes: a second of a 1 kHz sine at half of full scale, 8 kHz, mono."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

PITCH_HZ = 1_000.0
RATE_HZ = 8_000
_SAMPLES = 8_000
_DSD_HZ = 2_822_400


def tone() -> NDArray[np.int16]:
    """Shape ``(8000,)``."""
    return np.rint(2.0**14 * np.sin(2 * np.pi * PITCH_HZ * np.arange(_SAMPLES) / RATE_HZ)).astype("<i2")


def _big() -> bytes:
    return tone().astype(">i2").tobytes()


def sph() -> bytes:
    """NIST SPHERE, as speech corpora have it: a text header of 1,024 bytes."""
    head = f"""NIST_1A
   1024
channel_count -i 1
sample_rate -i {RATE_HZ}
sample_n_bytes -i 2
sample_byte_format -s2 01
sample_coding -s3 pcm
sample_count -i {_SAMPLES}
end_head
"""
    return head.encode().ljust(1_024) + tone().tobytes()


def eight_svx() -> bytes:
    """The Amiga's IFF 8SVX, of 8 bits."""
    voice = _chunk(b"VHDR", struct.pack(">IIIHBBI", _SAMPLES, 0, 32, RATE_HZ, 1, 0, 1 << 16))
    return _chunk(b"FORM", b"8SVX" + voice + _chunk(b"BODY", (tone() >> 8).astype("i1").tobytes()))


def dsdiff() -> bytes:
    """DSDIFF: one bit at 2.8 MHz, by a delta-sigma modulator of first order; a tenth of a second."""
    time_s = np.arange(_DSD_HZ // 10) / _DSD_HZ
    total, bits = 0.0, np.empty(len(time_s), np.uint8)
    for index, value in enumerate(0.5 * np.sin(2 * np.pi * PITCH_HZ * time_s)):
        bits[index] = total >= 0.0
        total += value - (1.0 if bits[index] else -1.0)
    properties = _wide(b"FS  ", struct.pack(">I", _DSD_HZ)) + _wide(b"CHNL", struct.pack(">H4s", 1, b"C000"))
    properties += _wide(b"CMPR", struct.pack(">4sB15s", b"DSD ", 14, b"not compressed"))
    body = _wide(b"FVER", b"\x01\x05\0\0") + _wide(b"PROP", b"SND " + properties)
    return _wide(b"FRM8", b"DSD " + body + _wide(b"DSD ", np.packbits(bits).tobytes()))


def pvf() -> bytes:
    """Portable Voice Format, of voice modems."""
    return f"PVF1\n1 {RATE_HZ} 16\n".encode() + _big()


def avr() -> bytes:
    """Audio Visual Research, of the Atari."""
    head = struct.pack(">4s8shhhhhIIII", b"2BIT", b"tone", 0, 16, -1, 0, -1, RATE_HZ, _SAMPLES, 0, _SAMPLES)
    return head.ljust(128, b"\0") + _big()


def paf() -> bytes:
    """Ensoniq PARIS."""
    return struct.pack(">4sIIIIII", b" paf", 0, 0, RATE_HZ, 0, 1, 0).ljust(2_048, b"\0") + _big()


def nsp() -> bytes:
    """Computerized Speech Lab."""
    head = b"Jan 01 00:00:00 2020" + struct.pack("<IIHH", RATE_HZ, _SAMPLES, 16_384, 0xFFFF)
    return b"FORMDS16" + _sized(b"HEDR" + _sized(head) + b"SDA_" + _sized(tone().tobytes()))


def shn() -> bytes:
    """Shorten: a WAV header word for word, then blocks of 250 samples without prediction."""
    bits = _RiceBits()
    for value in (5, 1, 250, 0, 0, 0):
        bits.long(value)
    data = tone()
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + data.nbytes, b"WAVE", b"fmt ", 16, 1, 1, RATE_HZ, 16_000, 2, 16)
    bits.verbatim(head + struct.pack("<4sI", b"data", data.nbytes))
    for block in data.reshape(-1, 250):
        bits.unpredicted(block.tolist())
    bits.quit()
    return b"ajkg\x02" + bits.packed()


def qoa() -> bytes:
    """Quite OK Audio, of games: slices of 20 residuals of a prediction by least mean squares."""
    data, encoder, frames = tone().astype(int).tolist(), _Qoa(), b""
    for start in range(0, _SAMPLES, 5_120):
        part = data[start : start + 5_120]
        head = struct.pack(">BBHHH", 1, 0, RATE_HZ, len(part), 24 + 8 * len(part) // 20)
        state = struct.pack(">8h", *encoder.history, *encoder.weights)
        frames += head + state + b"".join(encoder.slice(part[at : at + 20]) for at in range(0, len(part), 20))
    return b"qoaf" + struct.pack(">I", _SAMPLES) + frames


def vag() -> bytes:
    """Sony's ADPCM, of games: a square wave of 1 kHz, without prediction."""
    block = b"\x00\x00" + (b"\x77\x77" + b"\x99\x99") * 3 + b"\x77\x77"
    other = b"\x00\x00" + (b"\x99\x99" + b"\x77\x77") * 3 + b"\x99\x99"
    data = (block + other) * (_SAMPLES // 56)
    return struct.pack(">4sIIII12s16s", b"VAGp", 0x20, 0, len(data), RATE_HZ, b"", b"tone") + data


HANDMADE: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "NIST SPHERE (.sph)": (sph, "sph", "audio/x-nist"),
    "IFF 8SVX (.8svx)": (eight_svx, "iff", "audio/x-iff"),
    "DSDIFF (.dff)": (dsdiff, "iff", "audio/x-iff"),
    "PVF (.pvf)": (pvf, "pvf", "audio/x-pvf"),
    "AVR (.avr)": (avr, "avr", "audio/x-avr"),
    "Ensoniq PARIS (.paf)": (paf, "paf", "audio/x-paf"),
    "Computerized Speech Lab (.nsp)": (nsp, "nsp", "audio/x-nsp"),
    "Shorten (.shn)": (shn, "shn", "audio/x-shorten"),
    "QOA (.qoa)": (qoa, "qoa", "audio/x-qoa"),
    "Sony VAG (.vag)": (vag, "vag", "audio/x-vag"),
}
"""What writes each, and the container and media type that a reader should say."""


class _RiceBits:
    """Shorten's bit stream."""

    def __init__(self) -> None:
        self._bits: list[int] = []

    def long(self, value: int) -> None:
        size = value.bit_length()
        self._rice(size, 2)
        self._rice(value, size)

    def verbatim(self, content: bytes) -> None:
        self._rice(9, 2)
        self._rice(len(content), 5)
        for byte in content:
            self._rice(byte, 8)

    def unpredicted(self, block: list[int]) -> None:
        self._rice(0, 2)
        self._rice(13, 3)
        for value in block:
            self._rice(value << 1 if value >= 0 else -value - 1 << 1 | 1, 14)

    def quit(self) -> None:
        self._rice(4, 2)

    def packed(self) -> bytes:
        padded = [*self._bits, *[0] * (-len(self._bits) % 32)]
        return np.packbits(np.array(padded, dtype=np.uint8)).tobytes()

    def _rice(self, value: int, low_bits: int) -> None:
        self._bits += [*[0] * (value >> low_bits), 1, *(value >> bit & 1 for bit in reversed(range(low_bits)))]


class _Qoa:
    """QOA's encoder, with one scale for all slices."""

    _SCALE = 12
    _STEPS = tuple(sign * round(factor * 13**2.75) for factor in (0.75, 2.5, 4.5, 7.0) for sign in (1, -1))

    def __init__(self) -> None:
        self.history = [0, 0, 0, 0]
        self.weights = [0, 0, -(1 << 13), 1 << 14]

    def slice(self, samples: list[int]) -> bytes:
        value = self._SCALE
        for sample in samples:
            value = value << 3 | self._code(sample)
        return struct.pack(">Q", value)

    def _code(self, sample: int) -> int:
        predicted = sum(a * b for a, b in zip(self.history, self.weights, strict=True)) >> 13
        code = min(range(8), key=lambda each: abs(predicted + self._STEPS[each] - sample))
        change = self._STEPS[code] >> 4
        self.weights = [
            weight + (-change if old < 0 else change) for weight, old in zip(self.weights, self.history, strict=True)
        ]
        self.history = [*self.history[1:], max(-(1 << 15), min((1 << 15) - 1, predicted + self._STEPS[code]))]
        return code


def _chunk(name: bytes, body: bytes, order: str = ">") -> bytes:
    return name + struct.pack(f"{order}I", len(body)) + body + b"\0" * (len(body) % 2)


def _wide(name: bytes, body: bytes) -> bytes:
    return name + struct.pack(">Q", len(body)) + body


def _sized(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body
