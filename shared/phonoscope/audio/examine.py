"""Examines an upload; ``probe`` calls it in a child process."""

from __future__ import annotations

from base64 import b64encode
from collections import deque
from collections.abc import Iterator
from statistics import median
from typing import Any, BinaryIO

import numpy as np

from phonoscope.audio.axis import Sound
from phonoscope.audio.decode import Recording
from phonoscope.audio.facts import Tags
from phonoscope.audio.metadata import read_metadata
from phonoscope.audio.part import Pace, Packet, Part
from phonoscope.audio.probe import Probe
from phonoscope.audio.samples import HIGHEST_RATE_HZ, LOUDEST, Joined
from phonoscope.errors import NonFiniteSamples, RecordingTooLong, TooCostlyToRead, UndecodableRecording

_PROOF_S = 10.0
_LATER_PROOF_S = 1.0
_PROOF_PACKETS = 5_000
_SHORTEST_S = 1e-6
_ROUNDED_S = 1e-3
"""More than what is lost when hours of packets' lengths are added up."""
_LAST_PACKETS = 8
_LEAST_ALIKE = 0.9


def examine(file: BinaryIO, *, max_duration_s: float) -> Probe:
    """Reads every packet of the audio track that is read when nobody chooses, and the tags.

    Its first seconds and its last packets are decoded; float samples are all decoded.

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
            if duration_s > max_duration_s + _ROUNDED_S:
                longest = f"the limit is {max_duration_s:g} s"
                raise RecordingTooLong(f"the recording lasts more than {duration_s:.1f} s; {longest}")
        tags, cover = read_metadata(file, recording)
        return found.verdict(tags, cover)


class _Examination:
    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._decodes_all = recording.stores_floats
        self._packets_s: list[tuple[float, float]] = []
        """What packets of the part that is read state and what they give, in seconds."""
        self._examined = 0
        self._loud = False

    def durations(self) -> Iterator[float]:
        """The duration found so far, in seconds, after each packet."""
        recording = self._recording
        for part in recording.parts():
            start_s = recording.placed_s
            for _ in part.axis.placed(self._sounds(part)):
                recording.placed_s = start_s + part.axis.end_s
                yield recording.placed_s

    def _sounds(self, part: Part) -> Iterator[Sound]:
        """The sounds of a part: decoded at its start and its end, and after a change of rate; as packets in between."""
        packets = part.packets()
        decoded_s = self._recording.findings.decoded_s
        until_s = decoded_s + _LATER_PROOF_S if decoded_s else _PROOF_S
        self._packets_s.clear()
        for packet in packets:
            yield from self._decoded(part, packet)
            if not (self._decodes_all or self._wants_proof(until_s)):
                break
        else:
            yield from self._decoded(part, None)
            return
        pace, rate_mark = self._pace(), part.rate_mark(packet)
        known: deque[Packet] = deque(maxlen=_LAST_PACKETS)
        last: deque[Packet] = deque()
        for packet in packets:
            last.append(packet)
            if part.rate_mark(packet) not in {None, rate_mark}:
                break
            if len(last) > _LAST_PACKETS:
                known.append(last.popleft())
                yield from part.undecoded(known[-1], pace)
        if known:
            part.begin_again(list(known))
        for end in (*last, *packets, None):
            yield from self._decoded(part, end)

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
        recording.conclude()
        duration_s = max(round(recording.placed_s, 6), _SHORTEST_S)
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

    def _wants_proof(self, until_s: float) -> bool:
        proven = self._examined >= _PROOF_PACKETS and self._recording.decoded_s
        return self._recording.findings.decoded_s < until_s and not proven

    def _decoded(self, part: Part, packet: Packet | None) -> list[Sound]:
        sounds = part.decode(packet)
        self._examined += 1
        if self._examined > _PROOF_PACKETS and not self._recording.findings.decoded:
            raise TooCostlyToRead(f"the first {_PROOF_PACKETS:,} packets hold no sample that can be decoded")
        if sounds and packet is not None and not packet.has_sidedata("skip_samples"):
            given_s = sum(sound.duration_s for sound in sounds)
            self._packets_s.append(((packet.duration or 0) * part.tick_s, given_s))
        for sound in sounds:
            if sound.piece is not None:
                self._check(sound.piece)
        return sounds

    def _check(self, piece: Joined) -> None:
        if piece.channels.dtype.kind != "f":
            return
        peak = np.abs(piece.channels).max()
        if not np.isfinite(peak):
            bad = int(np.isfinite(piece.channels).all(axis=0).argmin())
            at_s = self._recording.findings.decoded_s + (bad - piece.channels.shape[1]) / piece.sample_rate_hz
            raise NonFiniteSamples(f"a sample is not a number, or infinite, at {at_s:.4f} s")
        self._loud = self._loud or bool(peak > LOUDEST)

    def _pace(self) -> Pace:
        given = [given_s for _, given_s in self._packets_s] or [0.0]
        usual_s = median(given)
        stretches = [given_s / stated_s for stated_s, given_s in self._packets_s if stated_s]
        alike = sum(given_s == usual_s for given_s in given)
        return Pace(usual_s, median(stretches or [1.0]), constant=alike >= _LEAST_ALIKE * len(given))


def examine_as_json(file: BinaryIO, max_duration_s: float) -> dict[str, Any]:
    """The outcome of ``examine`` as a dict that JSON can hold."""
    return examine(file, max_duration_s=max_duration_s).model_dump(mode="json")
