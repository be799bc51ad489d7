"""The look that ``probe`` takes at a recording, in whatever process it is called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain, pairwise
from typing import Any, BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame

from phonoscope.audio.decode import Recording
from phonoscope.audio.probe import Probe
from phonoscope.audio.samples import HIGHEST_RATE_HZ, LOUDEST, channel_samples
from phonoscope.errors import NonFiniteSamples, RecordingTooLong, UndecodableRecording

_PROOF_S = 10.0
_PROOF_PACKETS = 5_000
_SHORTEST_S = 1e-6
_HONEST = 0.8
_LONGEST_PACKET_S = 0.2


def examine(file: BinaryIO, *, max_duration_s: float) -> Probe:
    """Reads every packet of the first audio stream and decodes the first seconds; all of it where samples are floats.

    Raises:
        EmptyUpload, NotARecording, NoAudioStream, UnsupportedCodec, EncryptedRecording: it is no audio to decode.
        UndecodableRecording: not one sample comes out.
        NonFiniteSamples: a sample is not a number, or infinite.
        RecordingTooLong: it lasts longer than ``max_duration_s``.
    """
    with Recording(file) as recording:
        found = _Examination(recording)
        for duration_s in found.durations():
            if duration_s > max_duration_s:
                longest = f"the longest that is taken is {max_duration_s:g} s"
                raise RecordingTooLong(f"the recording lasts more than {duration_s:.1f} s; {longest}")
        return found.verdict()


class _Examination:
    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._decodes_all = recording.codec.startswith("pcm_f")
        self._duration_s = 0.0
        self._promised_s = 0.0
        self._examined = 0
        self._loud = False

    def durations(self) -> Iterator[float]:
        """The seconds found so far, packet by packet."""
        packets = self._recording.packets()
        for packet in packets:
            self._decode(packet)
            yield self._duration_s
            if not (self._decodes_all or self._wants_proof()):
                break
        else:
            self._decode(None)
            yield self._duration_s
            return
        promised_to_s, unpromised_s = self._experience()
        for one, following in pairwise(chain(packets, [None])):
            assert one is not None
            ticks = self._ticks(one, following)
            self._duration_s += ticks * promised_to_s if ticks else unpromised_s
            yield self._duration_s

    def verdict(self) -> Probe:
        recording = self._recording
        what = f"the {recording.codec} audio in the {recording.container} file"
        if not recording.decoded_s:
            raise UndecodableRecording(f"no sample of {what} can be decoded")
        if recording.sample_rate_hz > HIGHEST_RATE_HZ:
            raise UndecodableRecording(
                f"{what} has {recording.sample_rate_hz} Hz; the highest that can be read is 1 MHz"
            )
        if self._loud:
            recording.warnings.append(f"samples beyond {LOUDEST:g} times full scale are limited to it")
        recording.conclude(self._duration_s)
        return Probe(
            container=recording.container,
            codec=recording.codec,
            media_type=recording.media_type,
            sample_rate_hz=recording.sample_rate_hz,
            channels=recording.channels,
            duration_s=max(round(self._duration_s, 6), _SHORTEST_S),
            warnings=recording.warnings,
        )

    def _wants_proof(self) -> bool:
        return self._duration_s < _PROOF_S and self._examined < _PROOF_PACKETS

    def _decode(self, packet: av.Packet[av.AudioStream] | None) -> None:
        frames = self._recording.decode(packet)
        self._examined += 1
        if frames and packet is not None and packet.duration:
            self._promised_s += packet.duration * self._recording.tick_s
        for frame in frames:
            self._check(frame)
        self._duration_s = self._recording.decoded_s

    def _check(self, frame: AudioFrame) -> None:
        samples = channel_samples(frame)
        if samples.dtype.kind != "f":
            return
        peak = np.abs(samples).max()
        if not np.isfinite(peak):
            bad = int(np.isfinite(samples).all(axis=0).argmin())
            at_s = self._duration_s + bad / frame.sample_rate
            raise NonFiniteSamples(f"a sample is not a number, or infinite, at {at_s:.4f} s")
        self._loud = self._loud or bool(peak > LOUDEST)

    def _ticks(self, packet: av.Packet[av.AudioStream], following: av.Packet[av.AudioStream] | None) -> int:
        """How long a packet lasts: until the next one starts, unless that is so late that something is missing.

        What a Vorbis packet says itself is too short wherever the length of blocks changes.
        """
        said = packet.duration or 0
        if following is None or packet.pts is None or following.pts is None:
            return said
        until_next = following.pts - packet.pts
        longest = _LONGEST_PACKET_S / self._recording.tick_s if self._recording.tick_s else 0.0
        return until_next if said < until_next <= longest else said

    def _experience(self) -> tuple[float, float]:
        """The seconds in a tick of a packet's promised duration, and in a packet that promises none."""
        decoded_s, tick_s = self._recording.decoded_s, self._recording.tick_s
        if self._promised_s and not _HONEST < decoded_s / self._promised_s < 1 / _HONEST:
            tick_s *= decoded_s / self._promised_s
        return tick_s, decoded_s / self._examined


def look(file: BinaryIO, max_duration_s: float) -> dict[str, Any]:
    """What ``examine`` finds, as JSON can hold it."""
    return asdict(examine(file, max_duration_s=max_duration_s))
