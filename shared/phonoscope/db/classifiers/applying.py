"""Labelling an owner's library by a classifier, in parts, from vectors that are kept.

Each part is a transaction of its own, which moves the classifier's cursor: another attempt goes on where the one before
it was killed, and of two jobs at once each part is done by one. Its locks are in ``tasks/LOCKS.md``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.catalogue import HeadManifest
from phonoscope.db.access.engine import Database
from phonoscope.db.classifiers.heads import parsed
from phonoscope.db.library.labels import APPLIED
from phonoscope.db.schema.tables import EMBEDDING_DIM
from phonoscope.errors import UnknownModel, WorkerLost
from phonoscope.work import Claim

MOST_TRACKS = 2_000
"""In one part."""
MOST_SECONDS = 100_000.0
"""Of audio in one part, or one track: about 40,000 windows, of 40 MB."""
_HEADER = 2
"""Numbers of two bytes before those of a vector."""

_BEGIN = text(
    """
    SELECT classifiers.id, classifiers.version, manifest, weights,
           applied_version = classifiers.version AND applied_at IS NULL AND EXISTS (
               SELECT FROM jobs WHERE jobs.id = applied ->> 'job_id' AND status IN ('queued', 'running')) AS begun
    FROM classifiers JOIN classifier_versions ON classifier_id = classifiers.id
    WHERE owner_id = :owner_id AND name = :name AND classifier_versions.version = classifiers.version
    FOR UPDATE OF classifiers
    """
)
_START_OVER = text(
    """
    UPDATE classifiers
    SET applied_version = version, applied_after = '', applied_at = NULL, applied = jsonb_build_object(
        'job_id', CAST(:job_id AS text), 'tracks', 0, 'changed', 0, 'unknown', 0, 'without_vectors', 0)
    WHERE id = :id
    """
)
_CURSOR = text(
    """
    SELECT applied_after, applied, applied_at IS NOT NULL AS ended FROM classifiers
    WHERE id = :id AND applied_version = :version
    """
)
_COUNT = text("SELECT count(*) FROM tracks WHERE owner_id = :owner_id")
_TRACKS = text(
    """
    SELECT id, created_at, duration_s FROM tracks
    WHERE owner_id = :owner_id AND (created_at, id) > (CAST(:since AS timestamptz), :after)
    ORDER BY created_at, id LIMIT :most
    """
)
_SPACE = text("SELECT id FROM spaces WHERE model = :model AND digest = :digest AND kind = 'audio'")
# Track by track: to sort the vectors of all takes longer than to read them.
_WINDOWS = text(
    """
    SELECT track_id, vectors FROM unnest(CAST(:tracks AS text[])) AS wanted (track_id) CROSS JOIN LATERAL (
        SELECT string_agg(halfvec_send(vector), '') AS vectors FROM window_embeddings AS own
        WHERE own.track_id = wanted.track_id AND space_id = :space_id AND stem = ''
    ) AS of_track WHERE vectors IS NOT NULL
    """
)
_SILENT = text(
    """
    SELECT track_id FROM embeddings
    WHERE track_id = ANY(:tracks) AND model_name = :model AND model_digest = :digest AND stem = '' AND vector IS NULL
    """
)
_HOLD = text("SELECT id FROM tracks WHERE owner_id = :owner_id AND id = ANY(:tracks) ORDER BY id FOR KEY SHARE")
_ADVANCE = text(
    """
    UPDATE classifiers
    SET applied_after = :after, applied = applied || (
        SELECT jsonb_object_agg(name, CAST(applied ->> name AS int) + CAST(more AS int))
        FROM jsonb_each_text(CAST(:counts AS jsonb)) AS counted (name, more))
    WHERE id = :id AND applied_version = :version AND applied_after = :before AND applied_at IS NULL
      AND EXISTS (SELECT FROM tasks WHERE lease_token = :token AND status = 'running')
    RETURNING id
    """
)
_LABEL = text(
    """
    WITH given AS (
        SELECT id AS track_id, ARRAY(SELECT jsonb_array_elements_text(found)) AS labels
        FROM jsonb_to_recordset(CAST(:found AS jsonb)) AS each (id text, found jsonb)
    ), before AS (
        SELECT track_id, track_labels.labels FROM given JOIN track_labels USING (track_id) WHERE model = :model
    ), kept AS (
        INSERT INTO track_labels (track_id, model, position, labels, finished_at)
        SELECT track_id, :model, :position, labels, now() FROM given ORDER BY track_id
        ON CONFLICT (track_id, model) DO UPDATE SET labels = excluded.labels, probability = NULL
        WHERE track_labels.labels <> excluded.labels
    )
    SELECT count(*) FROM given LEFT JOIN before USING (track_id) WHERE given.labels <> coalesce(before.labels, '{}')
    """
)
_COUNT_CHANGED = text(
    """
    UPDATE classifiers
    SET applied = jsonb_set(applied, '{changed}', to_jsonb(CAST(applied ->> 'changed' AS int) + :changed))
    WHERE id = :id
    """
)
_END = text(
    """
    UPDATE classifiers SET applied_after = '', applied_at = now()
    WHERE id = :id AND applied_version = :version AND applied_at IS NULL
    """
)
_OPEN_JOB = text(
    """
    SELECT jobs.id FROM tasks JOIN jobs ON jobs.id = job_id
    WHERE tasks.owner_id = :owner_id AND name = 'apply' AND tasks.status IN ('queued', 'running')
      AND options #>> '{apply,classifier}' = :name
      AND (tasks.status = 'queued' OR EXISTS (
            SELECT FROM classifiers WHERE classifiers.owner_id = :owner_id AND classifiers.name = :name
              AND applied ->> 'job_id' = jobs.id AND applied_version = classifiers.version))
    ORDER BY queued_at LIMIT 1
    """
)
_LEASE = text("SELECT EXISTS (SELECT FROM tasks WHERE lease_token = :token AND status = 'running')")


@dataclass(frozen=True)
class Part:
    """Some of an owner's tracks.

    Args:
        tracks: their ids, in the order of their uploads.
        heard: the ids of those that have windows; ``silent`` those that are known to be silent.
        windows: how many windows each of ``heard`` has; the vectors follow one another in this order.
        before, after: the cursor before and after them.

    Shape:
        - vectors: ``(windows, 512)``, float32, each of length 1 but for rounding
    """

    tracks: Sequence[str]
    heard: Sequence[str]
    silent: frozenset[str]
    windows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    before: str
    after: str


@dataclass
class Labelling:
    """The labelling of a library by the newest version of a classifier.

    Args:
        total: how many tracks the owner has.
    """

    database: Database
    claim: Claim
    classifier_id: str
    version: int
    manifest: HeadManifest
    weights: bytes = field(repr=False)
    total: int

    def part(self) -> Part | None:
        """The next tracks; ``None`` after the last one. Raises ``UnknownModel`` where the classifier is gone."""
        with self.database.transaction() as session:
            run = self._run(session)
            return None if run.ended else self._read(session, run.applied_after)

    def keep(self, part: Part, labels: Mapping[str, Sequence[str]]) -> int:
        """Writes the labels that were found, all of a part's or none: nothing where another job did so before.

        Returns how many tracks are done.

        Args:
            labels: of the tracks that have windows or are silent, the most probable first; none of unknown ones.

        Raises ``WorkerLost`` when the task is no longer this worker's.
        """
        with self.database.transaction() as session:
            owner_id = self.claim.subject.owner_id
            there = set(session.scalars(_HOLD, {"owner_id": owner_id, "tracks": list(part.tracks)}))
            found = [{"id": id_, "found": list(labels[id_])} for id_ in labels if id_ in there]
            counts = {
                "tracks": len(there),
                "unknown": sum(not each["found"] for each in found),
                "without_vectors": len(there) - len(found),
            }
            moved = {"before": part.before, "after": part.after, "counts": json.dumps(counts)}
            if session.scalar(_ADVANCE, {**self._version, **moved, "token": self.claim.token}) is None:
                self._check_lease(session)
                return int(self._run(session).applied["tracks"])
            given = {"found": json.dumps(found), "model": self.manifest.name, "position": APPLIED}
            changed = session.scalar(_LABEL, given)
            session.execute(_COUNT_CHANGED, {"id": self.classifier_id, "changed": changed})
            return int(self._run(session).applied["tracks"])

    def end(self) -> dict[str, int]:
        """Notes that all tracks are labelled; returns the counts. Raises ``UnknownModel`` as ``part`` does."""
        with self.database.transaction() as session:
            session.execute(_END, self._version)
            applied = self._run(session).applied
        return {name: applied[name] for name in ("tracks", "changed", "unknown", "without_vectors")}

    def _run(self, session: Session) -> Any:
        row = session.execute(_CURSOR, self._version).one_or_none()
        if row is None:
            raise UnknownModel("the classifier was removed, or applied in another version meanwhile")
        return row

    @property
    def _version(self) -> dict[str, Any]:
        return {"id": self.classifier_id, "version": self.version}

    def _read(self, session: Session, before: str) -> Part | None:
        tracks, after = _tracks_after(session, self.claim.subject.owner_id, before)
        if not tracks:
            return None
        space = {"model": self.manifest.on[0].bodies[0].name, "digest": self.manifest.space}
        of_tracks = {"tracks": tracks, "space_id": session.scalar(_SPACE, space)}
        rows = session.execute(_WINDOWS, of_tracks).all()
        heard = [row.track_id for row in rows]
        others = set(tracks) - set(heard)
        silent = set(session.scalars(_SILENT, {"tracks": sorted(others), **space})) if others else set()
        halves = np.frombuffer(b"".join([row.vectors for row in rows]), ">f2").reshape(-1, _HEADER + EMBEDDING_DIM)
        windows = np.array([len(row.vectors) // halves.strides[0] for row in rows], np.int64)
        vectors = halves[:, _HEADER:].astype(np.float32)
        return Part(tracks, heard, frozenset(silent), windows, vectors, before, after)

    def _check_lease(self, session: Session) -> None:
        if not session.scalar(_LEASE, {"token": self.claim.token}):
            raise WorkerLost("the task was given to another worker, or cancelled")


def applying_job(session: Session, owner_id: str, name: str) -> str | None:
    """The id of the job that is queued or running to apply a classifier."""
    found: str | None = session.scalar(_OPEN_JOB, {"owner_id": owner_id, "name": name})
    return found


def begin_labelling(database: Database, claim: Claim, name: str) -> Labelling:
    """Begins to label an owner's library, or goes on where an earlier attempt, or another open job, is.

    Raises ``UnknownModel`` when the owner has no such classifier, or it was not taught yet, and ``InvalidManifest``.
    """
    with database.transaction() as session:
        row = session.execute(_BEGIN, {"owner_id": claim.subject.owner_id, "name": name}).one_or_none()
        if row is None:
            raise UnknownModel(f"no classifier {name!r} that was taught")
        if not row.begun:
            session.execute(_START_OVER, {"id": row.id, "job_id": claim.job_id})
        total = session.scalar(_COUNT, {"owner_id": claim.subject.owner_id}) or 0
    return Labelling(database, claim, row.id, row.version, parsed(row.manifest), bytes(row.weights), total)


def _tracks_after(session: Session, owner_id: str, cursor: str) -> tuple[list[str], str]:
    """The next tracks of an owner, of so many seconds, and the cursor after them."""
    since, _, after = cursor.partition(" ")
    asked = {"owner_id": owner_id, "since": since or "-infinity", "after": after, "most": MOST_TRACKS}
    rows = session.execute(_TRACKS, asked).all()
    ends_s = np.cumsum([row.duration_s for row in rows])
    kept = rows[: max(1, int(np.searchsorted(ends_s, MOST_SECONDS)))]
    return [row.id for row in kept], _cursor(kept[-1].created_at, kept[-1].id) if kept else cursor


def _cursor(created_at: datetime, id_: str) -> str:
    return f"{created_at.isoformat()} {id_}"
