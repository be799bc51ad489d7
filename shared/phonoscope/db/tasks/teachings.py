"""Keeping a new version of a classifier, in the transaction that ends the task that taught it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.catalogue import AUTO
from phonoscope.db.schema.classifiers import ClassifierVersionRow
from phonoscope.errors import OutdatedTeaching
from phonoscope.work import NotedWindow, Teaching

MOST_VERSIONS = 20
"""Of each classifier the newest versions are kept; results of others keep their digests."""
MOST_WEIGHT_BYTES = 1 << 30
"""Of all versions of an owner's classifiers; of more the newest of each are kept, and of others those taught last."""

_LEFT_OUT = "left_out"
"""In figures: recordings without vectors."""

# Tracks first, then the classifier's row: see LOCKS.md.
_HOLD = text("SELECT id FROM tracks WHERE owner_id = :owner_id AND id = ANY(:tracks) ORDER BY id FOR KEY SHARE")
_MOVE = text(
    """
    UPDATE classifiers
    SET version = :version, problem = NULL, state = CASE WHEN again THEN 'teaching' ELSE 'ready' END
    WHERE id = :id AND owner_id = :owner_id AND version = :version - 1
    RETURNING id
    """
)
# Whoever asked for another space while it was taught, or for the choice anew, has it there from the next teaching on.
_MOVE_TO_SPACE = text(
    """
    UPDATE classifiers
    SET model = :model, digest = :digest, spec = spec || jsonb_build_object('embedder', CAST(:embedder AS text))
    WHERE id = :id AND spec ->> 'space' = :chosen AND model = :model_before AND digest = :digest_before
    """
)
_FORGET_VERSIONS = text(
    """
    DELETE FROM classifier_versions AS gone USING (
        SELECT kept.classifier_id, kept.version, kept.version = own.version AS newest,
               own.id = :id AND (own.version - kept.version >= :most OR erased_at IS NOT NULL) AS old,
               sum(octet_length(weights)) OVER (
                   ORDER BY kept.version = own.version DESC, taught_at DESC, own.id, kept.version) AS bytes
        FROM classifiers AS own JOIN classifier_versions AS kept ON kept.classifier_id = own.id
        WHERE owner_id = (SELECT owner_id FROM classifiers WHERE id = :id)
    ) AS held
    WHERE gone.classifier_id = held.classifier_id AND gone.version = held.version
      AND NOT newest AND (old OR bytes > :most_bytes)
    """
)
# Who is left out is shown of the newest version alone.
_FORGET_LEFT_OUT = text(
    "UPDATE classifier_versions SET figures = figures - 'left_out' "
    "WHERE classifier_id = :id AND version < :version AND figures ? 'left_out'"
)
_FORGET_TRACKS = text(
    """
    DELETE FROM classifier_tracks WHERE classifier_id = :id AND last_version < (
        SELECT min(version) FROM classifier_versions WHERE classifier_id = :id)
    """
)
_ADD_TRACKS = text(
    """
    INSERT INTO classifier_tracks (classifier_id, track_id, first_version, last_version)
    SELECT :id, track_id, :version, :version FROM unnest(CAST(:tracks AS text[])) AS taught (track_id)
    ON CONFLICT (classifier_id, track_id) DO UPDATE SET last_version = excluded.last_version
    """
)
_FORGET_NOTES = [
    text(f"DELETE FROM {table} WHERE classifier_id = :id")  # noqa: S608 - of constants
    for table in ("classifier_doubts", "classifier_queue")
]
_ADD_NOTES = {
    column: text(
        f"""
        INSERT INTO {table} (classifier_id, version, rank, track_id, start_s, end_s, label, probability, {column})
        SELECT :id, :version, rank, track_id, start_s, end_s, label, probability, note
        FROM jsonb_to_recordset(CAST(:noted AS jsonb)) AS noted (
            rank smallint, track_id text, start_s real, end_s real, label text, probability real, note text)
        """  # noqa: S608 - of constants
    )
    for table, column in (("classifier_doubts", "given"), ("classifier_queue", "reason"))
}


def keep_teaching(session: Session, owner_id: str, teaching: Teaching) -> None:
    """Adds the version, which is served from the commit on, and its doubts and its queue in the place of those before.

    Raises ``OutdatedTeaching``, and the caller must not commit, when a track that it was taught from is gone, or
    another version came first.
    """
    noted = {note.track_id for note in (*teaching.doubts, *teaching.queue)}
    noted.update(each["track_id"] for each in teaching.figures.get(_LEFT_OUT, []))
    there = set(session.scalars(_HOLD, {"owner_id": owner_id, "tracks": sorted(teaching.tracks | noted)}))
    if not teaching.tracks <= there:
        raise OutdatedTeaching("a recording was erased while the classifier was taught from it")
    at = {"id": teaching.classifier_id, "version": teaching.version}
    if session.scalar(_MOVE, {**at, "owner_id": owner_id}) is None:
        raise OutdatedTeaching("the classifier got another version while it was taught")
    if teaching.now_in is not None:
        space, embedder, before = teaching.now_in
        moved = {"model": space.model, "digest": space.digest, "embedder": embedder, "chosen": AUTO}
        still = {"model_before": before.model, "digest_before": before.digest}
        session.execute(_MOVE_TO_SPACE, {**at, **moved, **still})
    _add_version(session, teaching, there)
    session.execute(_ADD_TRACKS, {**at, "tracks": sorted(teaching.tracks)})
    replace_versions(session, teaching.classifier_id, teaching.version)
    _add_notes(session, at, "given", [note for note in teaching.doubts if note.track_id in there])
    _add_notes(session, at, "reason", [note for note in teaching.queue if note.track_id in there])


def replace_versions(session: Session, classifier_id: str, version: int) -> None:
    """Takes away what a newer version of a classifier takes the place of: old versions, doubts and the queue."""
    at = {"id": classifier_id, "version": version}
    session.execute(_FORGET_VERSIONS, {**at, "most": MOST_VERSIONS, "most_bytes": MOST_WEIGHT_BYTES})
    for statement in (_FORGET_LEFT_OUT, _FORGET_TRACKS, *_FORGET_NOTES):
        session.execute(statement, at)


def _add_version(session: Session, teaching: Teaching, there: Collection[str]) -> None:
    figures = dict(teaching.figures)
    if _LEFT_OUT in figures:
        figures[_LEFT_OUT] = [each for each in figures[_LEFT_OUT] if each["track_id"] in there]
    session.add(
        ClassifierVersionRow(
            classifier_id=teaching.classifier_id,
            version=teaching.version,
            manifest=dict(teaching.manifest),
            weights=teaching.weights,
            figures=figures,
            read_at=teaching.read_at,
        )
    )
    session.flush()


def _add_notes(session: Session, at: Mapping[str, Any], column: str, notes: Sequence[NotedWindow]) -> None:
    rows = [{"rank": rank, **vars(note)} for rank, note in enumerate(notes)]
    if rows:
        session.execute(_ADD_NOTES[column], {**at, "noted": json.dumps(rows, allow_nan=False)})
