"""Parts of a track's pictures at every resolution: ranges of what ``describe`` keeps, below that decoded samples."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from anyio import to_thread

from phonoscope.audio.encode import Encoder
from phonoscope.audio.mel_power import WINDOWS
from phonoscope.audio.part import WALKED
from phonoscope.audio.partial_file import PartialFile
from phonoscope.audio.points import KIND, SeekPoints
from phonoscope.audio.pyramid import (
    FACTOR,
    OUTLINE,
    SPECTROGRAM,
    SPECTROGRAM_FINER,
    WINDOWED_COARSEST,
    Items,
    Pyramid,
)
from phonoscope.audio.spectrogram import LOWEST_DBFS, STEP_DB, MelLevels, MelSpectrogram
from phonoscope.audio.stretch import StoredRecording, Stretch, leads_anywhere
from phonoscope.contract import PictureLevels, SpectrogramLevels, TileLevel, WaveformLevels
from phonoscope.db.library.artifacts import artifact_beside
from phonoscope.db.library.tracks import get_track
from phonoscope.db.schema.tables import ArtifactRow, TrackRow
from phonoscope.errors import InvalidRequest, OutdatedResult
from phonoscope.storage import ObjectStore
from phonoscope_gateway.pictures.drawing import grey
from phonoscope_gateway.state import State

_UNIT = 1 << 20
"""Samples that are decoded at once for an outline: whole tiles of every level that is decoded."""
DRAWING = 2
"""Raised when tiles are drawn otherwise: they are kept for good under the version that they were fetched by."""
HEARD_S = 30
"""Seconds from one part that is heard to the next."""
HEARD_MORE_S = 0.25
"""Seconds by which it goes on into the next."""
_MOST_HEARD_HZ = 384_000
_LONGEST_LEAD_S = 900.0
_MOST_BYTES = 256 << 20
_MOST_WALKED_BYTES = 512 << 20


@dataclass(frozen=True)
class Source:
    """A pyramid, and the recording that finer levels are decoded from.

    Args:
        kept_points: the artifact with the recording's points; ``None`` where it was measured before there were any.
    """

    state: State
    row: ArtifactRow
    track: TrackRow
    pyramid: Pyramid
    audio_track: int | None
    kept_points: ArtifactRow | None = None

    @property
    def finest(self) -> int:
        """The finest level that can be read, where the recording is decoded."""
        if self.row.kind == OUTLINE:
            return 0
        return max(0, self.pyramid.finest - SPECTROGRAM_FINER)

    @property
    def detail_end(self) -> int:
        """The sample up to which the recording is decoded.

        That is its end where points were kept, or its container leads anywhere. Of others, where packets have to be
        read up to a part, it is what lies in the first 512 MiB; where they have to be decoded too, the first 15
        minutes, of files of up to 256 MiB.
        """
        samples = self.pyramid.samples
        if self.kept_points is not None:
            return samples
        if not self._leads_anywhere:
            return min(samples, self._most_before)
        if self.track.container not in WALKED or self.track.size_bytes <= _MOST_WALKED_BYTES:
            return samples
        return samples * _MOST_WALKED_BYTES // self.track.size_bytes

    @property
    def _leads_anywhere(self) -> bool:
        codec = self._read_track.get("codec", self.track.codec)
        return leads_anywhere(self.track.container, codec, self.track.warnings)

    @property
    def _most_before(self) -> int:
        small = self.track.size_bytes <= _MOST_BYTES
        return int(_LONGEST_LEAD_S * self.pyramid.sample_rate_hz) if small else 0

    @property
    def _read_track(self) -> dict[str, Any]:
        """What is known of the audio track; nothing of recordings of earlier releases."""
        tracks = self.track.audio_tracks
        return tracks[self._index] if self._index < len(tracks) else {}

    @property
    def _index(self) -> int:
        return self.track.audio_track if self.audio_track is None else self.audio_track

    @property
    def windowed_level(self) -> int:
        """The coarsest level of a spectrogram that is computed with a window that was chosen."""
        return min(WINDOWED_COARSEST, self.pyramid.coarsest)

    def span(self, level: int, number: int, window: int | None = None) -> tuple[int, int]:
        """The items of a tile. Raises ``InvalidRequest`` where there is no such tile, or it cannot be read."""
        if window is not None and window not in WINDOWS:
            raise InvalidRequest.field("window", f"one of {', '.join(map(str, WINDOWS))}")
        coarsest = self.pyramid.coarsest if window is None else self.windowed_level
        if not self.finest <= level <= coarsest:
            raise InvalidRequest.field("level", f"from {self.finest} to {coarsest}{' with a window' * bool(window)}")
        tiles = self.pyramid.tiles(level)
        if not 0 <= number < tiles:
            raise InvalidRequest.field("number", f"from 0 to {tiles - 1} at level {level}")
        start, stop = self.pyramid.span(level, number)
        decoded = level < self.pyramid.finest or window is not None
        if decoded and min(stop * FACTOR**level, self.pyramid.samples) > self.detail_end:
            name, why = ("window", "none") if window else ("level", f"from {self.pyramid.finest}")
            raise InvalidRequest.field(name, f"{why} here: later parts are not decoded")
        return start, stop

    async def tile(self, level: int, number: int, whose: str, window: int | None = None) -> bytes:
        """A tile: of what the pyramid holds, or decoded and drawn when it is somebody's turn.

        Args:
            whose: whose turn it is, and whose requests wait: an owner, or a shared link's visitor.
            window: that of a spectrogram's frames, in samples; without one the service's own.

        Raises:
            TooManyTiles: too many of these requests wait for a part to be decoded.
            RecordingError: the recording cannot be decoded any more.
            NotFound, OutdatedResult, StoreUnavailable: what it is drawn from cannot be read.
        """
        if level >= self.pyramid.finest and window is None:
            return await to_thread.run_sync(self._kept_tile, level, number)
        start, stop = self.pyramid.span(level, number)
        stretches, of = self.state.stretches, (self.track.id, self._index, self.row.kind)
        if self.row.kind == OUTLINE:
            unit = start * FACTOR**level // _UNIT
            draw = partial(_extremes, level, start, stop)
            return await stretches.drawn(whose, (*of, unit), partial(self._stretch, unit), draw)
        decode = partial(self._columns, level, start, stop, window)
        return await stretches.drawn(whose, (*of, level, number, window), decode, grey)

    def check_sound(self, number: int) -> None:
        """Raises ``InvalidRequest`` where the recording has no such part, or it is not decoded, as above 384 kHz."""
        start, stop = self._sound_span(number)
        if start >= self.pyramid.samples:
            raise InvalidRequest.field("number", "the recording ends before")
        if self.pyramid.sample_rate_hz > _MOST_HEARD_HZ:
            raise InvalidRequest.field("number", f"none above {_MOST_HEARD_HZ:,} Hz: the sound is not decoded here")
        if min(stop - self._overlap, self.pyramid.samples) > self.detail_end:
            raise InvalidRequest.field("number", "later parts are not decoded here")

    async def sound(self, number: int, whose: str) -> bytes:
        """A part of the recording to be heard, as FLAC of 16 bits. Arguments and errors as of ``tile``."""
        return await self.state.stretches.made(whose, partial(self._sound, number))

    def _sound_span(self, number: int) -> tuple[int, int]:
        start = number * HEARD_S * self.pyramid.sample_rate_hz
        return start, start + HEARD_S * self.pyramid.sample_rate_hz + self._overlap

    @property
    def _overlap(self) -> int:
        return round(HEARD_MORE_S * self.pyramid.sample_rate_hz)

    def _sound(self, number: int) -> bytes:
        file = io.BytesIO()
        with ExitStack() as opened:
            recording = opened.enter_context(self._stored())
            pieces = opened.enter_context(closing(recording.sound(*self._sound_span(number))))
            encoder = opened.enter_context(Encoder(file, self.pyramid.sample_rate_hz, 2))
            for piece in pieces:
                encoder.write(piece)
        return file.getvalue()

    def _kept_tile(self, level: int, number: int) -> bytes:
        items = self._kept(level, *self.pyramid.span(level, number))
        return _array(items) if self.row.kind == OUTLINE else grey(items)

    def _kept(self, level: int, start: int, stop: int) -> Items:
        try:
            return self.pyramid.read(level, start, stop, partial(self.state.store.read_bytes, self.row.object_key))
        except ValueError as error:
            raise OutdatedResult("the picture is not whole; a new `describe` makes it again") from error

    def _stretch(self, unit: int) -> Stretch:
        with self._stored() as recording:
            return recording.stretch(unit * _UNIT, (unit + 1) * _UNIT)

    def _columns(self, level: int, start: int, stop: int, window: int | None) -> MelLevels:
        with self._stored() as recording:
            return recording.columns(level, start, stop, window)

    @contextmanager
    def _stored(self) -> Iterator[StoredRecording]:
        read = partial(self.state.store.read_bytes, self.track.object_key)
        with PartialFile(self.track.size_bytes, read) as file:
            yield StoredRecording(
                file,
                self.track.owner_id,
                self._index,
                self.pyramid.sample_rate_hz,
                self.pyramid.samples,
                self._read_track.get("channels", self.track.channels),
                self._leads_anywhere,
                self._most_before,
                self._points(),
            )

    def _points(self) -> SeekPoints | None:
        kept = self.kept_points
        return None if kept is None else _points(self.state.store, kept.object_key, kept.size_bytes)


def source_of(state: State, owner_id: str, row: ArtifactRow, audio_track: int | None) -> Source:
    """Raises ``NotFound``, ``OutdatedResult``, ``DatabaseUnavailable`` or ``StoreUnavailable``."""
    with state.database.autocommit() as session:
        track = get_track(session, owner_id, row.track_id)
        kept_points = artifact_beside(session, row, KIND)
    return Source(state, row, track, _pyramid(state.store, row.object_key), audio_track, kept_points)


def version_of(row: ArtifactRow) -> str:
    """The version of a picture's tiles."""
    return f"{row.id}.{DRAWING}"


def levels(source: Source) -> PictureLevels:
    """How a picture can be read in parts."""
    pyramid = source.pyramid
    finest = source.finest if source.detail_end else pyramid.finest
    facts: dict[str, Any] = {
        "track_id": source.track.id,
        "version": version_of(source.row),
        "samples": pyramid.samples,
        "sample_rate_hz": pyramid.sample_rate_hz,
        "duration_s": round(pyramid.samples / pyramid.sample_rate_hz, 6),
        "tile_items": pyramid.kind.tile,
        "kept_level": min(pyramid.finest, pyramid.coarsest),
        "detail_end_s": round(source.detail_end / pyramid.sample_rate_hz, 6),
        "levels": [
            TileLevel(level=level, items=pyramid.items(level), tiles=pyramid.tiles(level))
            for level in range(finest, pyramid.coarsest + 1)
        ],
    }
    if source.row.kind == SPECTROGRAM:
        windows = list(WINDOWS) if source.detail_end else []
        return SpectrogramLevels(**facts, **_scale(pyramid), windows=windows, windowed_level=source.windowed_level)
    return WaveformLevels(**facts, peak=max(-pyramid.lowest, pyramid.highest))


def _extremes(level: int, start: int, stop: int, stretch: Stretch) -> bytes:
    return _array(stretch.extremes(level, start, stop))


def _array(items: Items) -> bytes:
    """Items as a ``.npy`` file."""
    file = io.BytesIO()
    np.save(file, items, allow_pickle=False)
    return file.getvalue()


def _scale(pyramid: Pyramid) -> dict[str, Any]:
    empty = np.zeros((pyramid.kind.values, 1), dtype=np.uint8)
    bands = MelSpectrogram(empty, 1, pyramid.samples, pyramid.sample_rate_hz)
    return {
        "centre_hz": bands.centres_hz().round(6).tolist(),
        "edge_hz": bands.edges_hz().round(6).tolist(),
        "loudest_dbfs": LOWEST_DBFS + STEP_DB * pyramid.highest,
        "lowest_dbfs": LOWEST_DBFS,
        "step_db": STEP_DB,
    }


@lru_cache(maxsize=4_096)
def _pyramid(store: ObjectStore, key: str) -> Pyramid:
    try:
        return Pyramid.unpack(store.read_bytes(key, 0, Pyramid.HEADER.size))
    except ValueError as error:
        raise OutdatedResult("the picture cannot be read; a new `describe` makes it again") from error


@lru_cache(maxsize=8)
def _points(store: ObjectStore, key: str, size_bytes: int) -> SeekPoints:
    try:
        return SeekPoints.unpack(store.read_bytes(key, 0, size_bytes))
    except ValueError as error:
        raise OutdatedResult("the recording's points cannot be read; a new `describe` makes them again") from error
