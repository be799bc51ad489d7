"""Erasing a track from the database."""

from __future__ import annotations

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from phonoscope.db.library.tracks import get_track
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
    session.execute(delete(TrackRow).where(TrackRow.id == track_id))
    session.execute(_FORGET_EXAMPLES, {"owner_id": actor.owner_id, "track_id": track_id})
    erase_answers(session, actor.owner_id, track_id)
    if audited:
        record(session, actor, "track.deleted", track_id, jobs=len({task.job_id for task in tasks}))
    return [row.object_key, *keys]
