"""Decodes recordings of any format to float32 samples, as a stream, with PyAV (which includes FFmpeg)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO, Self, cast

from av.container import InputContainer

from phonoscope.audio.audio_tracks import audio_tracks, first_with_sound, is_default, name_and_language, preferred
from phonoscope.audio.axis import Gap
from phonoscope.audio.chains import links
from phonoscope.audio.containers import open_container
from phonoscope.audio.cover import has_picture
from phonoscope.audio.entries import Bypassed
from phonoscope.audio.facts import AudioTrack
from phonoscope.audio.file_part import FilePart
from phonoscope.audio.headers import read_header
from phonoscope.audio.outer_tags import without_tags
from phonoscope.audio.part import Findings, Part
from phonoscope.audio.points import START, SeekPoint
from phonoscope.audio.samples import Block, Joined, Samples, blocks
from phonoscope.audio.source import BlockSource
from phonoscope.audio.stem_names import with_stem_names
from phonoscope.audio.tags import Span
from phonoscope.audio.trail import Trail
from phonoscope.audio.words import breaks_told, gaps_told
from phonoscope.errors import NoSuchAudioTrack, RecordingError

__all__ = ["Recording", "Samples"]

_CUT_TOLERANCE_S = 0.1
_CUT_TOLERANCE = 0.005


class Recording(BlockSource):
    """A recording, opened for one pass over one of its audio tracks.

    That is the one that the file marks as default, else its first, unless it is silent where it begins and another one
    is not. Samples lie where the file's time stamps say: gaps are filled with silence, overlaps left out. Recordings
    that were joined follow on one another where players play them so. Damaged packets are skipped. After the pass,
    ``warnings`` says what was lost and ``gaps`` where no sound is. ``container``, ``codec`` and ``media_type`` are the
    recording's format; ``audio_track`` is the index of the one that is read, among the file's audio tracks.

    Args:
        audio_track: the audio track to read instead.
        linked: whether to look for joined recordings, which takes a look at the whole file.
        point: where to begin instead of at the start; of joined recordings the one that it is in is read.
        trail: notes points meanwhile.

    Raises:
        EmptyUpload: the file has no bytes.
        NotARecording: the bytes are no known container.
        NoAudioStream: the container has no audio, such as a silent video.
        EncryptedRecording: the audio is encrypted.
        UnsupportedCodec: the audio's codec cannot be decoded.
        UndecodableRecording: the header is damaged or cut off.
        NoSuchAudioTrack: the file has fewer audio tracks.
    """

    def __init__(
        self,
        file: BinaryIO,
        audio_track: int | None = None,
        *,
        linked: bool = True,
        point: SeekPoint | None = None,
        trail: Trail | None = None,
    ) -> None:
        self.warnings: list[str] = []
        self.gaps: list[Gap] = []
        self.placed_s = 0.0
        self.findings = Findings()
        self._file = without_tags(file)
        self._header = read_header(self._file)
        whole = Span(0, self._file.seek(0, 2))
        if point is not None:
            self._spans = [point.span]
        else:
            self._spans = links(self._file, whole, self._header.head) if linked else [whole]
        self._span = self._spans[0]
        self._wanted, self._point, self._trail = audio_track, point, trail
        self._part = Part(self._entered(), self._header, self.findings, self._choose)
        self.container, self.codec, self.media_type = self._part.container, self._part.codec, self._part.media_type
        self.audio_track = self._part.audio_track
        self.metadata = self._part.metadata
        """What the container's tags say; Ogg has them at its streams, where other formats name audio tracks."""
        self.has_picture = has_picture(self._part.opened)
        self._stated_s: float | None = 0.0
        self._overlap_s, self._leaps = 0.0, 0

    def audio_tracks(self, duration_s: float) -> list[AudioTrack]:
        """All audio tracks of the file; of the one that is read with its measured ``duration_s``. To be called once."""
        stream = self._part.stream
        read = AudioTrack(
            index=self.audio_track,
            codec=self.codec,
            sample_rate_hz=self.sample_rate_hz,
            channels=self.channels,
            default=is_default(stream),
            duration_s=duration_s,
            **name_and_language(stream),
        )
        found = audio_tracks(self._part.opened.streams.audio, read)
        return with_stem_names(found, self._of(self._spans[0])) if self.container == "mp4" else found

    def reopened(self) -> InputContainer:
        """The container, opened once more; to be closed."""
        return open_container(self._of(self._spans[0]), self._header.head)

    @property
    def sample_rate_hz(self) -> int:
        """The rate of most of the decoded samples; before decoding, the header's."""
        return self._prevailing()[0]

    @property
    def channels(self) -> int:
        """The number of channels of most of the decoded samples; before decoding, the header's."""
        return self._prevailing()[1]

    @property
    def decoded_s(self) -> float:
        return self.placed_s

    @property
    def stores_floats(self) -> bool:
        """Whether samples are stored as floats, some of which may be no numbers."""
        return self._part.stores_floats

    def seek(self, to_s: float) -> float | None:
        """Has ``pieces`` begin a little before a time; returns where, in seconds, or ``None`` where that cannot be."""
        return self._part.seek(to_s)

    def resume(self) -> None:
        """Goes to the point. Raises ``UndecodableRecording`` where its packet is not found any more."""
        if self._point is not None:
            self._part.resume(self._point)

    @property
    def stated_s(self) -> float | None:
        """The duration that the header of the first part states, in seconds."""
        return self._part.stated_s(0.0)

    def parts(self) -> Iterator[Part]:
        """The file's parts one after the other, each to be read before the next; one, but for joined files."""
        for span in self._spans:
            self._span = span
            if span is not self._spans[0]:
                try:
                    following = Part(self._of(span), self._header, self.findings, self._same)
                except RecordingError:
                    self.findings.note_damage()
                    continue
                self._part.close()
                self._part = following
            start_s = self.placed_s
            yield self._part
            self._note(self._part, start_s)

    def pieces(self) -> Iterator[Joined]:
        """Decoded samples and the silence between them, in pieces of a frame or at most a second.

        Raises:
            EncryptedRecording: a packet is encrypted.
        """
        given: Counter[int] = Counter()
        for part in self.parts():
            for piece in self._placed(part):
                given[piece.sample_rate_hz] += piece.channels.shape[1]
                self.placed_s = sum(samples / rate_hz for rate_hz, samples in given.items())
                yield piece
        self.conclude()

    def _placed(self, part: Part) -> Iterator[Joined]:
        if self._trail is not None:
            return self._trail.pieces(part, self._span)
        return chain.from_iterable(placed.pieces() for placed in part.axis.placed(part.sounds()))

    def blocks(self) -> Iterator[Block]:
        return blocks(self.pieces())

    def conclude(self) -> None:
        """Ends the pass: adds what the file lacks to ``warnings``."""
        found_s, stated_s, findings = self.placed_s, self._stated_s, self.findings
        if stated_s is not None and found_s < stated_s - max(_CUT_TOLERANCE_S, _CUT_TOLERANCE * stated_s):
            self.warnings.append(
                f"the file ends early or is damaged: {found_s:.2f} s of the {stated_s:.2f} s it declares can be read"
            )
        elif findings.damaged:
            self.warnings.append(f"damaged from {findings.first_damage_s:.2f} s on; parts skipped: {findings.damaged}")
        elif self._header.lacks_end_mark:
            self.warnings.append(f"the file ends without its end mark: {found_s:.2f} s can be read")
        audio = self._header.audio
        if self._part.another_follows():
            self.warnings.append(f"another recording is joined after {found_s:.2f} s; as in players, it is not read")
        elif audio is not None and audio.trailing > audio.claimed:
            rest = f"the {audio.trailing} bytes after them are not audio"
            self.warnings.append(f"only {found_s:.2f} s are declared; {rest}")
        self.warnings += gaps_told(self.gaps) + breaks_told(self._overlap_s, self._leaps)

    def _of(self, span: Span) -> BinaryIO:
        return cast("BinaryIO", FilePart(self._file, span))

    def _entered(self) -> BinaryIO:
        """The first part's file, without what is passed over to get to a point."""
        file = self._of(self._spans[0])
        found = START if self._point is None else self._point.found
        if not found.head_bytes < found.entry or not found.head_bytes:
            return file
        return cast("BinaryIO", Bypassed(file, Span(found.head_bytes, found.entry)))

    def _choose(self, opened: InputContainer) -> int:
        """The index of the audio track to read. Raises ``NoSuchAudioTrack``."""
        if self._wanted is not None:
            count = len(opened.streams.audio)
            if 0 <= self._wanted < count:
                return self._wanted
            if self._point is not None:
                # In a later link of a chained file, as ``_same`` chooses there.
                return count - 1
            raise NoSuchAudioTrack(f"audio track {self._wanted}; the last one of the file is {count - 1}")
        order = preferred(opened.streams.audio)
        if len(order) == 1:
            return order[0]
        with self.reopened() as container:
            found = first_with_sound(container, order)
        if found is None or found == order[0]:
            return order[0]
        self.warnings.append(f"audio track {order[0]} is silent where it begins; audio track {found} is read")
        return found

    def _same(self, opened: InputContainer) -> int:
        """In a later link of a chained file."""
        return min(self.audio_track, len(opened.streams.audio) - 1)

    def _note(self, part: Part, start_s: float) -> None:
        """Adds up what a part that has been read says of itself."""
        axis, found_s = part.axis, self.placed_s - start_s
        stated_s = part.stated_s(found_s)
        self._stated_s = None if stated_s is None or self._stated_s is None else self._stated_s + stated_s
        self.gaps += [Gap(start_s + gap.start_s, start_s + gap.end_s) for gap in axis.gaps]
        self._overlap_s += axis.overlap_s
        self._leaps += axis.leaps

    def _prevailing(self) -> tuple[int, int]:
        if self.findings.decoded:
            return self.findings.decoded.most_common(1)[0][0]
        return self._part.sample_rate_hz, self._part.channels

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._part.close()
