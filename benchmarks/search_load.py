"""Puts windows of many owners into a database: many at once by PostgreSQL's binary COPY, or as workers do."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from search_data import HEADS, Floats, Windows, mixed
from sqlalchemy import Engine, text

from phonoscope.db.access.engine import Database
from phonoscope.db.tasks.windows import AUDIO, keep_windows
from phonoscope.windows import HeardLabels
from phonoscope.windows import Windows as HeardWindows
from phonoscope.work import Claim, ClaimedTrack, Space

MODEL, DIGEST = "mn04", "benchmark"
LABEL_DIMENSION = 1_000_000
_PEAKS = 32
_AT_ONCE = 500
_WINDOW_S = 5.0
_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPIES = {
    "owners": "owners (id, name)",
    "tracks": "tracks (id, owner_id, sha256, filename, size_bytes, media_type, container, codec, sample_rate_hz, "
    "channels, duration_s, warnings, object_key)",
    "windows": "window_embeddings (track_id, space_id, stem, position, owner_id, start_s, end_s, vector, heard)",
    "peaks": "label_peaks (track_id, space_id, stem, label_id, owner_id, best, positions)",
    "means": "embeddings (track_id, model_name, stem, owner_id, model_digest, vector)",
}

_NEW_TRACK = text(
    """
    INSERT INTO tracks (id, owner_id, sha256, filename, size_bytes, media_type, container, codec, sample_rate_hz,
                        channels, duration_s, warnings, object_key)
    VALUES (:id, :owner_id, :id, 'a.wav', 1, 'audio/wav', 'wav', 'pcm_s16le', 32000, 1, :seconds, '[]', 'a')
    """
)


def owner_name(number: int) -> str:
    return f"own_bench{number:05d}"


def owner_sizes(windows: int, owners: int) -> NDArray[np.int64]:
    """How many windows each owner has: the n-th has a share of 1/n."""
    shares = 1.0 / np.arange(1, owners + 1)
    sizes: NDArray[np.int64] = np.maximum((windows * shares / shares.sum()).astype(np.int64), 1)
    return sizes


@dataclass(frozen=True)
class Track:
    """A track's owner and how many windows it has."""

    id: str
    owner_id: str
    windows: int


def tracks_of(sizes: NDArray[np.int64], rng: np.random.Generator, prefix: str) -> list[Track]:
    """The tracks of all owners in the order in which they arrive; most are a few minutes long, few are an hour."""
    found = []
    for number, size in enumerate(sizes):
        left = int(size)
        while left > 0:
            windows = min(left, 1 + int(rng.lognormal(3.2, 1.0)), 720)
            found.append((owner_name(number), windows))
            left -= windows
    order = rng.permutation(len(found))
    return [Track(f"trk_{prefix}{place:07d}", *found[index]) for place, index in enumerate(order)]


def new_space(engine: Engine) -> int:
    with engine.begin() as connection:
        values = {"model": MODEL, "digest": DIGEST, "kind": AUDIO}
        statement = "INSERT INTO spaces (model, digest, kind) VALUES (%(model)s, %(digest)s, %(kind)s) RETURNING id"
        return int(connection.exec_driver_sql(statement, values).scalar_one())


def keep(database: Database, real: Windows, track: Track, rng: np.random.Generator) -> None:
    """Inserts a new track and its windows as the end of a worker's task does."""
    (vectors, probabilities), *_ = mixed(real, np.array([track.windows]), rng)
    starts = np.arange(track.windows) * _WINDOW_S
    names = [head for head, _ in real.labels]
    heads = tuple(
        HeardLabels(
            head,
            DIGEST,
            [label for of, label in real.labels if of == head],
            probabilities[:, [of == head for of in names]],
        )
        for head in HEADS
    )
    windows = HeardWindows(np.arange(track.windows), np.stack([starts, starts + _WINDOW_S], axis=1), vectors, heads)
    claimed = ClaimedTrack(track.id, track.owner_id, f"tracks/{track.id}/original", track.windows * _WINDOW_S)
    with database.transaction() as session:
        session.execute(_NEW_TRACK, {"id": track.id, "owner_id": track.owner_id, "seconds": claimed.duration_s})
        keep_windows(session, Claim("", "", claimed, {}, {}, 1), {Space(MODEL, DIGEST): {"": windows}})


def load(engine: Engine, real: Windows, tracks: Sequence[Track], space_id: int, rng: np.random.Generator) -> None:
    """Inserts tracks, windows, labels' peaks and the tracks' means."""
    labels = _labels(engine, real)
    owners = sorted({track.owner_id for track in tracks})
    _copy(engine, {"owners": [_row(_text(name), _text(name)) for name in owners]})
    for start in range(0, len(tracks), _AT_ONCE):
        part = tracks[start : start + _AT_ONCE]
        _copy(engine, rows_of(real, part, space_id, labels, rng))


def rows_of(
    real: Windows, tracks: Sequence[Track], space_id: int, labels: NDArray[np.int32], rng: np.random.Generator
) -> dict[str, list[bytes]]:
    rows: dict[str, list[bytes]] = {"tracks": [], "windows": [], "peaks": [], "means": []}
    sizes = np.array([track.windows for track in tracks])
    for track, (vectors, probabilities) in zip(tracks, mixed(real, sizes, rng), strict=True):
        rows["tracks"].append(_track(track))
        rows["windows"] += _windows(track, space_id, vectors, probabilities, labels)
        rows["peaks"] += _peaks_of(track, space_id, probabilities, labels)
        rows["means"].append(_mean(track, vectors))
    return rows


def _labels(engine: Engine, real: Windows) -> NDArray[np.int32]:
    with engine.begin() as connection:
        for model, label in real.labels:
            connection.exec_driver_sql(
                "INSERT INTO labels (model, digest, label) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (model, DIGEST, label),
            )
        rows = connection.exec_driver_sql("SELECT model, label, id FROM labels WHERE digest = %s", (DIGEST,))
        known = {(model, label): id_ for model, label, id_ in rows}
    return np.array([known[label] for label in real.labels], np.int32)


def _copy(engine: Engine, rows: dict[str, list[bytes]]) -> None:
    with engine.begin() as connection:
        driver: Any = connection.connection.dbapi_connection
        with driver.cursor() as cursor:
            for name, part in rows.items():
                body = io.BytesIO(_HEADER + b"".join(part) + b"\xff\xff")
                cursor.copy_expert(f"COPY {_COPIES[name]} FROM STDIN (FORMAT binary)", body)


def _track(track: Track) -> bytes:
    words = (track.id, track.owner_id, track.id, f"{track.id}.wav")
    seconds = struct.pack(">d", track.windows * _WINDOW_S)
    return _row(
        *map(_text, words),
        struct.pack(">q", 1),
        *map(_text, ("audio/wav", "wav", "pcm_s16le")),
        _int(32_000),
        _int(1),
        seconds,
        b"\x01[]",
        _text(f"tracks/{track.id}/original"),
    )


def _windows(
    track: Track, space_id: int, vectors: Floats, probabilities: Floats, labels: NDArray[np.int32]
) -> Iterator[bytes]:
    halves = vectors.astype(">f2")
    for position, (half, row) in enumerate(zip(halves, probabilities, strict=True)):
        start_s = position * _WINDOW_S
        yield _row(
            _text(track.id),
            struct.pack(">h", space_id),
            b"",
            _int(position),
            _text(track.owner_id),
            struct.pack(">f", start_s),
            struct.pack(">f", start_s + _WINDOW_S),
            struct.pack(">hh", 512, 0) + half.tobytes(),
            _sparse(row, labels),
        )


def _sparse(row: Floats, labels: NDArray[np.int32]) -> bytes:
    found = np.flatnonzero(row)
    found = found[np.argsort(labels[found])]
    indices, values = (labels[found] - 1).astype(">i4"), row[found].astype(">f4")
    return struct.pack(">iii", LABEL_DIMENSION, len(found), 0) + indices.tobytes() + values.tobytes()


def _peaks_of(track: Track, space_id: int, probabilities: Floats, labels: NDArray[np.int32]) -> Iterator[bytes]:
    for column in np.flatnonzero(probabilities.any(axis=0)):
        values = probabilities[:, column]
        order = np.argsort(-values, kind="stable")[:_PEAKS]
        order = order[values[order] > 0]
        positions = struct.pack(">iiiii", 1, 0, 23, len(order), 1) + b"".join(
            struct.pack(">ii", 4, int(place)) for place in order
        )
        yield _row(
            _text(track.id),
            struct.pack(">h", space_id),
            b"",
            _int(int(labels[column])),
            _text(track.owner_id),
            struct.pack(">f", float(values[order[0]])),
            positions,
        )


def _mean(track: Track, vectors: Floats) -> bytes:
    mean = vectors.mean(axis=0)
    unit = (mean / np.linalg.norm(mean)).astype(">f2")
    vector = struct.pack(">hh", 512, 0) + unit.tobytes()
    return _row(_text(track.id), _text(MODEL), b"", _text(track.owner_id), _text(DIGEST), vector)


def _row(*fields: bytes) -> bytes:
    return struct.pack(">h", len(fields)) + b"".join(struct.pack(">i", len(part)) + part for part in fields)


def _text(words: str) -> bytes:
    return words.encode()


def _int(number: int) -> bytes:
    return struct.pack(">i", number)
