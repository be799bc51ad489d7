"""Parts of a track's pictures at every resolution: ranges of what ``describe`` keeps, below that decoded samples."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from phonoscope.audio.pyramid import FACTOR, OUTLINE, SPECTROGRAM, SPECTROGRAM_FINER, Items, Pyramid
from phonoscope.audio.spectrogram import LOWEST_DBFS, STEP_DB, MelSpectrogram
from phonoscope.audio.stretch import Stretch, decoded_stretch, reach
from phonoscope.contract import PictureLevels, SpectrogramLevels, TileLevel, WaveformLevels
from phonoscope.db.library.tracks import get_track
from phonoscope.db.schema.tables import ArtifactRow, TrackRow
from phonoscope.errors import InvalidRequest, OutdatedResult
from phonoscope.storage import ObjectStore
from phonoscope_gateway.pictures.drawing import grey
from phonoscope_gateway.state import State

_LEAST_UNIT = 1 << 20
"""Samples that are decoded at once, or more where a tile needs more."""
DRAWING = 1
"""Raised when tiles are drawn otherwise: they are kept for good under the version that they were fetched by."""
_LONGEST_LEAD_S = 900.0
_MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class Source:
    """A pyramid, and the recording that finer levels are decoded from."""

    state: State
    row: ArtifactRow
    track: TrackRow
    pyramid: Pyramid
    audio_track: int | None

    @property
    def finest(self) -> int:
        """The finest level that can be read, where the recording is decoded."""
        if self.row.kind == OUTLINE:
            return 0
        return max(0, self.pyramid.finest - SPECTROGRAM_FINER)

    @property
    def unit(self) -> int:
        """Samples that are decoded at once: whole tiles of every level that is decoded."""
        return max(_LEAST_UNIT, self.pyramid.kind.tile << 2 * (self.pyramid.finest - 1))

    @property
    def detail_end(self) -> int:
        """The sample up to which the recording is decoded."""
        if self.track.size_bytes > _MOST_BYTES:
            return 0
        units = int(_LONGEST_LEAD_S * self.pyramid.sample_rate_hz) // self.unit
        return min(self.pyramid.samples, max(1, units) * self.unit)

    def span(self, level: int, number: int) -> tuple[int, int]:
        """The items of a tile. Raises ``InvalidRequest`` where there is no such tile, or it cannot be read."""
        if not self.finest <= level <= self.pyramid.coarsest:
            raise InvalidRequest.field("level", f"from {self.finest} to {self.pyramid.coarsest}")
        tiles = self.pyramid.tiles(level)
        if not 0 <= number < tiles:
            raise InvalidRequest.field("number", f"from 0 to {tiles - 1} at level {level}")
        start, stop = self.pyramid.span(level, number)
        if level < self.pyramid.finest and min(stop * FACTOR**level, self.pyramid.samples) > self.detail_end:
            raise InvalidRequest.field("level", f"from {self.pyramid.finest} here: later parts are not decoded")
        return start, stop

    def tile(self, level: int, number: int, stretch: Stretch | None) -> bytes:
        """A tile, drawn from a stretch or, without one, from what the pyramid holds.

        Raises ``NotFound``, ``OutdatedResult`` or ``StoreUnavailable``.
        """
        start, stop = self.pyramid.span(level, number)
        if self.row.kind == OUTLINE:
            return _array(stretch.extremes(level, start, stop) if stretch else self._kept(level, start, stop))
        return grey(stretch.columns(level, start, stop) if stretch else self._kept(level, start, stop))

    async def stretch(self, level: int, number: int) -> Stretch:
        """The part of the recording that a tile is drawn from, which is finer than what is kept.

        Raises:
            TooManyTiles: too many of the owner's requests wait for a part to be decoded.
            RecordingError: the recording cannot be decoded any more.
            NotFound, StoreUnavailable: it cannot be read.
        """
        start, _ = self.pyramid.span(level, number)
        unit = start * FACTOR**level // self.unit
        key = (self.track.id, self.audio_track, unit)
        return await self.state.stretches.get(self.track.owner_id, key, partial(self._decode, unit))

    def _kept(self, level: int, start: int, stop: int) -> Items:
        try:
            return self.pyramid.read(level, start, stop, partial(_read, self.state.store, self.row.object_key))
        except ValueError as error:
            raise OutdatedResult("the picture is not whole; a new `describe` makes it again") from error

    def _decode(self, unit: int) -> Stretch:
        rate_hz, around = self.pyramid.sample_rate_hz, reach(self.pyramid.sample_rate_hz)
        start, stop = max(0, unit * self.unit - around), (unit + 1) * self.unit + around
        with tempfile.TemporaryFile() as file:
            self.state.store.fetch(self.track.object_key, file)
            return decoded_stretch(file, self.track.owner_id, self.audio_track, rate_hz, start, stop)


def source_of(state: State, owner_id: str, row: ArtifactRow, audio_track: int | None) -> Source:
    """Raises ``NotFound``, ``OutdatedResult``, ``DatabaseUnavailable`` or ``StoreUnavailable``."""
    with state.database.autocommit() as session:
        track = get_track(session, owner_id, row.track_id)
    return Source(state, row, track, _pyramid(state.store, row.object_key), audio_track)


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
        return SpectrogramLevels(**facts, **_scale(pyramid))
    return WaveformLevels(**facts, peak=max(-pyramid.lowest, pyramid.highest))


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
        return Pyramid.unpack(_read(store, key, 0, Pyramid.HEADER.size))
    except ValueError as error:
        raise OutdatedResult("the picture cannot be read; a new `describe` makes it again") from error


def _read(store: ObjectStore, key: str, offset: int, size: int) -> bytes:
    return b"".join(store.read(key, offset, size).chunks)
