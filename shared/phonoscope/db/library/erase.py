"""Erasing a track from the database."""

from __future__ import annotations

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from phonoscope.db.library.tracks import get_track
from phonoscope.db.library.uploads import forget_uploads_of
from phonoscope.db.schema.tables import ArtifactRow, TrackRow
from phonoscope.db.service.audit import Actor, record
from phonoscope.db.service.idempotency import erase_answers
from phonoscope.db.tasks.cancel import cancel_tasks
from phonoscope.db.tasks.family import lock_family, lock_subject

_TASKS_OF = text("SELECT tasks.id, job_id FROM tasks JOIN jobs ON jobs.id = job_id WHERE jobs.track_id = :track_id")
# After the track's row, as whoever keeps an example holds that first.
_FORGET_EXAMPLES = text(
    """
    UPDATE classifiers SET spec = jsonb_set(spec, '{examples}', coalesce((
        SELECT jsonb_object_agg(label, kept) FROM (
            SELECT label, (SELECT jsonb_agg(example) FROM jsonb_array_elements(given) AS example
                           WHERE example ->> 'track_id' <> :track_id) AS kept
            FROM jsonb_each(spec -> 'examples') AS by_label (label, given)
        ) AS labels WHERE kept IS NOT NULL), '{}'))
    WHERE owner_id = :owner_id
      AND jsonb_path_exists(
          spec, '$.examples.*[*].track_id ? (@ == $id)', jsonb_build_object('id', CAST(:track_id AS text)))
    """
)

# Those without figures were imported, and taught elsewhere: an erased recording takes none of them away.
# From here on no version is kept that was taught from it.
_HOLD = text("SELECT id FROM tracks WHERE id = :track_id FOR UPDATE")
_TAUGHT = """
    FROM classifier_tracks AS taught JOIN classifiers AS own ON own.id = taught.classifier_id
    JOIN classifier_versions AS kept
      ON kept.classifier_id = own.id AND kept.version BETWEEN first_version AND last_version AND kept.figures <> '{}'
    WHERE taught.track_id = :track_id
"""
# The newest version stays until the classifier is taught again; older ones nobody needs.
_FORGET_LEARNED = [
    text(f"SELECT own.id {_TAUGHT} ORDER BY own.id FOR NO KEY UPDATE OF own"),
    text(
        f"""
        DELETE FROM classifier_versions AS gone
        USING (SELECT own.id, kept.version {_TAUGHT} AND kept.version < own.version) AS old
        WHERE gone.classifier_id = old.id AND gone.version = old.version
        """  # noqa: S608 - of constants
    ),
    text(
        f"""
        UPDATE classifier_versions AS marked SET erased_at = now()
        FROM (SELECT own.id, kept.version {_TAUGHT} AND kept.version = own.version) AS newest
        WHERE marked.classifier_id = newest.id AND marked.version = newest.version
        """  # noqa: S608 - of constants
    ),
    text(
        f"""
        INSERT INTO classifier_label_changes (classifier_id, changed_at)
        SELECT own.id, clock_timestamp() {_TAUGHT} AND kept.version = own.version AND own.reteach ORDER BY own.id
        ON CONFLICT (classifier_id) DO UPDATE SET changed_at = excluded.changed_at
        """
    ),
    text(
        """
        UPDATE classifier_versions AS kept SET figures = jsonb_set(figures, '{left_out}', coalesce((
            SELECT jsonb_agg(each) FROM jsonb_array_elements(figures -> 'left_out') AS each
            WHERE each ->> 'track_id' <> :track_id), '[]'))
        FROM classifiers AS own
        WHERE own.owner_id = :owner_id AND kept.classifier_id = own.id AND kept.version = own.version
          AND kept.figures @> jsonb_build_object(
              'left_out', jsonb_build_array(jsonb_build_object('track_id', CAST(:track_id AS text))))
        """
    ),
]


def delete_track(session: Session, actor: Actor, track_id: str, *, audited: bool = True) -> list[str]:
    """Cancels the track's jobs, then erases it with them, their results, its vectors and kept answers about it.

    The audit log keeps that the actor did so, if ``audited``. Returns the keys of its objects, to be erased after the
    commit. Raises ``NotFound``.
    """
    lock_subject(session, track_id)
    row = get_track(session, actor.owner_id, track_id)
    tasks = session.connection().execute(_TASKS_OF, {"track_id": track_id}).all()
    lock_family(session, [task.id for task in tasks])
    cancel_tasks(session, [task.job_id for task in tasks])
    keys = list(session.scalars(select(ArtifactRow.object_key).where(ArtifactRow.track_id == track_id)))
    of_track = {"owner_id": actor.owner_id, "track_id": track_id}
    for statement in (_HOLD, *_FORGET_LEARNED):
        session.execute(statement, of_track)
    session.execute(delete(TrackRow).where(TrackRow.id == track_id))
    forget_uploads_of(session, actor.owner_id, track_id)
    session.execute(_FORGET_EXAMPLES, of_track)
    erase_answers(session, actor.owner_id, track_id)
    if audited:
        record(session, actor, "track.deleted", track_id, jobs=len({task.job_id for task in tasks}))
    return [row.object_key, *keys]
