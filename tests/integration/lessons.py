"""Owners with embedded tracks, what they say of them, and their classifiers, for tests of teaching."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.annotations.values import Annotation
from phonoscope.catalogue import Catalogue
from phonoscope.contract.classifiers import TeachRequest
from phonoscope.db.access.engine import Database
from phonoscope.db.classifiers.listing import Seen, see
from phonoscope.db.classifiers.spec import as_kept, merged, placed
from phonoscope.db.classifiers.teaching import ask_for_teaching, change_spec, find_classifier, new_classifier
from phonoscope.db.library.annotations import apply_changes, labelled_tracks, lock_tracks
from phonoscope.db.search.hits import as_sql
from phonoscope.db.service.audit import Actor
from phonoscope.db.tasks.family import lock_subject
from phonoscope.db.tasks.windows import space_id
from phonoscope.paths import bundled
from phonoscope.states import LabelState, TaskQueue
from phonoscope.work import Space

WINDOW_S, HOP_S = 5.0, 2.5
YES, NO = LabelState.CONFIRMED, LabelState.REJECTED

_TRACK = text(
    """
    INSERT INTO tracks (id, owner_id, sha256, filename, size_bytes, media_type, container, codec, sample_rate_hz,
                        channels, duration_s, warnings, object_key)
    VALUES (:id, :owner_id, :id, :id || '.wav', 1, 'audio/wav', 'wav', 'pcm_s16le', 1, 1, :duration_s, '[]', 'a')
    """
)
_WINDOWS = text(
    """
    INSERT INTO window_embeddings (track_id, space_id, position, owner_id, start_s, end_s, vector, heard)
    SELECT :id, :space_id, n - 1, :owner_id, (n - 1) * :hop_s, (n - 1) * :hop_s + :window_s, CAST(vector AS halfvec),
           '{}/1000000'
    FROM unnest(CAST(:vectors AS text[])) WITH ORDINALITY AS given (vector, n)
    """
)
_VECTOR = text(
    """
    INSERT INTO embeddings (track_id, owner_id, model_name, model_digest, vector)
    VALUES (:id, :owner_id, :model, :digest, CAST(:vector AS halfvec))
    """
)


@cache
def served() -> Catalogue:
    return Catalogue(bundled("models"))


def body_space() -> Space:
    """That of the body that every installation has."""
    return served().bodies["mobilenet"].space


@dataclass(frozen=True)
class Owner:
    """An owner, whose tracks are around the centres that their names begin with."""

    database: Database
    id: str

    @property
    def actor(self) -> Actor:
        return Actor(self.id)

    def track(self, kind: str, windows: int = 2) -> str:
        """A new track of so many windows; of one without windows nothing is embedded."""
        track_id = f"trk_{kind}_{uuid4().hex[:12]}"
        space = body_space()
        vectors = around(kind, windows)
        with self.database.transaction() as session:
            duration_s = WINDOW_S + HOP_S * max(windows - 1, 0)
            session.execute(_TRACK, {"id": track_id, "owner_id": self.id, "duration_s": duration_s})
            if windows:
                _keep(session, self.id, track_id, space, vectors)
        return track_id

    def hears(self, track_id: str, kind: str, space: Space, windows: int = 2) -> None:
        """Embeds a track in another space too, around the centre of a kind."""
        vectors = around(kind, windows)
        with self.database.transaction() as session:
            _keep(session, self.id, track_id, space, vectors)

    def says(self, track_id: str, *said: Annotation) -> None:
        """Adds to what is said of a track."""
        with self.database.transaction() as session:
            labelled = labelled_tracks(session, lock_tracks(session, self.id, [track_id]))[track_id]
            apply_changes(session, self.actor, "said", [labelled.change_to([*labelled.annotations, *said])])

    def labelled(self, kind: str, label: str | None = None, windows: int = 2) -> str:
        """A new track whose label is confirmed, by default that of its kind."""
        track_id = self.track(kind, windows)
        self.says(track_id, Annotation(label or kind, YES))
        return track_id

    def two_labels(self, each: int = 2) -> list[str]:
        """Tracks of ``low`` and of ``high``."""
        return [self.labelled(kind) for kind in ("low", "high") for _ in range(each)]

    def asks(self, name: str = "own", embedder: str = "environment-50", **asked: Any) -> list[TaskQueue]:
        """A new classifier, and its teaching."""
        with self.database.transaction() as session:
            lock_subject(session, self.id)
            kept = as_kept(placed(session, self.id, TeachRequest.model_validate(asked)), embedder)
            return ask_for_teaching(session, new_classifier(session, self.actor, name, body_space(), kept))

    def gives(self, name: str = "own", *, now_in: Space | None = None, **asked: Any) -> None:
        """Changes what it is taught from, and where, as a further request does."""
        with self.database.transaction() as session:
            lock_subject(session, self.id)
            before = find_classifier(session, self.id, name)
            given = placed(session, self.id, TeachRequest.model_validate(asked), before.spec)
            row = find_classifier(session, self.id, name, to_change=True)
            whole = merged(row.spec, given, row.model)
            change_spec(session, self.actor, row, now_in or body_space(), as_kept(whole, "environment-50"))

    def asks_again(self, name: str = "own") -> list[TaskQueue]:
        with self.database.transaction() as session:
            lock_subject(session, self.id)
            return ask_for_teaching(session, find_classifier(session, self.id, name))

    def sees(self, name: str = "own") -> Seen:
        with self.database.transaction() as session:
            return see(session, find_classifier(session, self.id, name))


def _keep(session: Session, owner_id: str, track_id: str, space: Space, vectors: NDArray[np.float32]) -> None:
    asked = {"id": track_id, "owner_id": owner_id, "space_id": space_id(session, space), "hop_s": HOP_S}
    session.execute(_WINDOWS, {**asked, "vectors": [as_sql(vector) for vector in vectors], "window_s": WINDOW_S})
    whole = {"vector": as_sql(vectors[0]), "model": space.model, "digest": space.digest}
    session.execute(_VECTOR, asked | whole)


def new_owner(database: Database) -> Owner:
    owner_id = f"own_{uuid4().hex}"
    with database.transaction() as session:
        session.execute(text("INSERT INTO owners (id, name) VALUES (:id, :id)"), {"id": owner_id})
    return Owner(database, owner_id)


def around(kind: str, count: int) -> NDArray[np.float32]:
    """Unit vectors near a centre that every test has for this kind."""
    centre = np.random.default_rng(sum(kind.encode())).standard_normal(512)
    noise = np.random.default_rng().standard_normal((count, 512))
    vectors = centre + 0.5 * noise
    found: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return found


def counts(session: Session, owner_id: str, tables: Sequence[str]) -> Mapping[str, int]:
    """How many rows of an owner's classifiers there are in tables."""
    of_owner = "FROM {} JOIN classifiers ON classifiers.id = classifier_id WHERE owner_id = :owner_id"
    return {
        table: session.scalar(text(f"SELECT count(*) {of_owner.format(table)}"), {"owner_id": owner_id}) or 0
        for table in tables
    }
