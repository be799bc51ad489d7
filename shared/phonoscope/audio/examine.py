"""Examines an upload; ``probe`` calls it in a child process."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any, BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame

from phonoscope.audio.decode import Recording
from phonoscope.audio.facts import Tags
from phonoscope.audio.metadata import read_metadata
from phonoscope.audio.probe import Probe
from phonoscope.audio.samples import HIGHEST_RATE_HZ, LOUDEST, channel_samples
from phonoscope.errors import NonFiniteSamples, RecordingTooLong, TooCostlyToRead, UndecodableRecording

_PROOF_S = 10.0
_PROOF_PACKETS = 5_000
_SHORTEST_S = 1e-6
_LEAST_MATCH = 0.8
_LONGEST_PACKET_S = 0.2


def examine(file: BinaryIO, *, max_duration_s: float) -> Probe:
    """Reads every packet of the audio track that is read when nobody chooses, and the tags.

    The first seconds are decoded; float samples are all decoded.

    Raises:
        EmptyUpload, NotARecording, NoAudioStream, UnsupportedCodec, EncryptedRecording: there is no audio to decode.
        UndecodableRecording: no sample can be decoded.
        NonFiniteSamples: a sample is NaN or infinite.
        RecordingTooLong: the recording is longer than ``max_duration_s``.
        TooCostlyToRead: too many chunks, tags or packets come before the first sound.
    """
    with Recording(file) as recording:
        found = _Examination(recording)
        for duration_s in found.durations():
            if duration_s > max_duration_s:
                longest = f"the limit is {max_duration_s:g} s"
                raise RecordingTooLong(f"the recording lasts more than {duration_s:.1f} s; {longest}")
        tags, cover = read_metadata(file, recording)
        return found.verdict(tags, cover)


class _Examination:
    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._decodes_all = recording.codec.startswith("pcm_f")
        self._duration_s = 0.0
        self._stated_s = 0.0
        self._examined = 0
        self._loud = False

    def durations(self) -> Iterator[float]:
        """The duration found so far, in seconds, after each packet."""
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
        tick_to_s, unstated_s = self._measured_rates()
        for one, following in pairwise(chain(packets, [None])):
            assert one is not None
            ticks = self._ticks(one, following)
            self._duration_s += ticks * tick_to_s if ticks else unstated_s
            yield self._duration_s

    def verdict(self, tags: Tags, cover: bytes | None) -> Probe:
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
        duration_s = max(round(self._duration_s, 6), _SHORTEST_S)
        return Probe(
            container=recording.container,
            codec=recording.codec,
            media_type=recording.media_type,
            sample_rate_hz=recording.sample_rate_hz,
            channels=recording.channels,
            duration_s=duration_s,
            warnings=recording.warnings,
            audio_track=recording.audio_track,
            audio_tracks=recording.audio_tracks(duration_s),
            tags=tags,
            cover_base64=None if cover is None else b64encode(cover).decode(),
        )

    def _wants_proof(self) -> bool:
        proven = self._examined >= _PROOF_PACKETS and self._recording.decoded_s
        return self._duration_s < _PROOF_S and not proven

    def _decode(self, packet: av.Packet[av.AudioStream] | None) -> None:
        frames = self._recording.decode(packet)
        self._examined += 1
        if self._examined > _PROOF_PACKETS and not self._recording.decoded_s:
            raise TooCostlyToRead(f"the first {_PROOF_PACKETS:,} packets hold no sample that can be decoded")
        if frames and packet is not None and packet.duration:
            self._stated_s += packet.duration * self._recording.tick_s
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
        """The duration of a packet in ticks: until the next one starts, unless that is so late that packets are
        missing.

        The stated duration of a Vorbis packet is too short where the block length changes.
        """
        stated = packet.duration or 0
        if following is None or packet.pts is None or following.pts is None:
            return stated
        until_next = following.pts - packet.pts
        longest = _LONGEST_PACKET_S / self._recording.tick_s if self._recording.tick_s else 0.0
        return until_next if stated < until_next <= longest else stated

    def _measured_rates(self) -> tuple[float, float]:
        """The seconds in a tick of a packet's stated duration, and in a packet that states none."""
        decoded_s, tick_s = self._recording.decoded_s, self._recording.tick_s
        if self._stated_s and not _LEAST_MATCH < decoded_s / self._stated_s < 1 / _LEAST_MATCH:
            tick_s *= decoded_s / self._stated_s
        return tick_s, decoded_s / self._examined


def examine_as_json(file: BinaryIO, max_duration_s: float) -> dict[str, Any]:
    """The outcome of ``examine`` as a dict that JSON can hold."""
    return examine(file, max_duration_s=max_duration_s).model_dump(mode="json")
