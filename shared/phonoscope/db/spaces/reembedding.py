"""Filling a new space from the store: ordinary jobs with ``embed``, a few at a time, behind all other work.

A reembedding is a row for each owner and space. Rounds of the courier make its jobs, so that it goes on after any
process was killed. Each track is tried once; when all have ended, the space is complete for the owner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from phonoscope.contract import JobOptions
from phonoscope.db.access.engine import Database
from phonoscope.db.schema.spaces import ReembeddingRow
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.schema.windows import SpaceRow
from phonoscope.db.service.audit import Actor, record
from phonoscope.db.spaces.listing import TO_DO, asked_of, count_to_do
from phonoscope.db.tasks.cancel import cancel_job
from phonoscope.db.tasks.create import create_job, startable_queues
from phonoscope.db.tasks.family import lock_subject
from phonoscope.db.tasks.windows import AUDIO, is_space
from phonoscope.errors import JobEnded, NotFound
from phonoscope.states import TaskName, TaskQueue
from phonoscope.work import Space

AT_ONCE = 32
"""Jobs of one reembedding that wait or run: they are a buffer for the workers, not the whole library."""

_OWNERS = text(f"SELECT DISTINCT owner_id FROM ({TO_DO}) AS missing")  # noqa: S608 - of constants
_NEXT = text(
    f"""
    SELECT missing.id, EXISTS (
        SELECT FROM embeddings WHERE track_id = missing.id AND model_name = :model AND stem <> ''
    ) AND EXISTS (
        SELECT FROM track_results
        WHERE track_id = missing.id AND task = 'separate' AND audio_track IS NULL) AS with_stems
    FROM ({TO_DO}) AS missing
    WHERE NOT EXISTS (
        SELECT FROM jobs WHERE track_id = missing.id AND reembeds = :space_id AND created_at >= :asked_at)
    ORDER BY missing.id LIMIT :most
    """  # noqa: S608 - of constants
)
_OPEN = text(
    "SELECT id FROM jobs WHERE reembeds = :space_id AND owner_id = :owner_id AND status IN ('queued', 'running')"
)


@dataclass(frozen=True)
class Reembedding:
    """One owner's reembedding that has not ended, and the model that embeds in its space."""

    owner_id: str
    space_id: int
    model: str


def ask(session: Session, served: Mapping[Space, str], actor: Actor | None, model: str | None = None) -> list[SpaceRow]:
    """Asks for the reembedding of what is missing in the spaces of the served models; what runs already goes on.

    Args:
        served: the spaces of the models that are served now, each with the name of a model that embeds in it.
        actor: whose tracks are embedded; all owners' without one.
        model: in the space of this model or body alone.

    Returns the spaces in which something was missing.
    """
    found = []
    for space, embedder in served.items():
        if model not in (None, space.model, embedder):
            continue
        row = _known(session, space)
        if owners := _owners(session, row, actor):
            found.append(row)
            _ask_for(session, row, embedder, owners)
            if actor is not None:
                record(session, actor, "space.reembedded", str(row.id), model=row.model, digest=row.digest)
    return found


def cancel(database: Database, space_id: int, actor: Actor | None) -> list[TaskQueue]:
    """Cancels reembeddings into a space, with their jobs that have not ended; what was embedded stays.

    Returns where tasks can start now that followed one of theirs. Raises ``NotFound`` when none is under way.
    """
    forget = delete(ReembeddingRow).where(ReembeddingRow.space_id == space_id, ReembeddingRow.finished_at.is_(None))
    if actor is not None:
        forget = forget.where(ReembeddingRow.owner_id == actor.owner_id)
    with database.transaction() as session:
        owners = list(session.scalars(forget.returning(ReembeddingRow.owner_id)))
        if not owners:
            raise NotFound(f"no reembedding into space {space_id} is under way")
        asked = [{"space_id": space_id, "owner_id": owner_id} for owner_id in owners]
        jobs = [(each["owner_id"], job) for each in asked for job in session.connection().scalars(_OPEN, each)]
        for each in owners:
            record(session, actor or Actor(each), "space.reembedding_cancelled", str(space_id))
    return [queue for owner_id, job_id in jobs for queue in _cancelled(database, str(owner_id), job_id)]


def under_way(session: Session) -> list[Reembedding]:
    """The reembeddings that have not ended, the oldest first."""
    rows = select(ReembeddingRow).where(ReembeddingRow.finished_at.is_(None)).order_by(ReembeddingRow.asked_at)
    return [Reembedding(row.owner_id, row.space_id, row.model) for row in session.scalars(rows)]


def go_on(database: Database, reembedding: Reembedding) -> list[TaskQueue]:
    """Makes a reembedding's next jobs, each in a transaction of its own, or ends it when all its tracks were tried.

    One process at a time may do so. Returns where tasks can start, a queue for each of them.
    """
    with database.transaction() as session:
        found = _next(session, reembedding)
    made = (database.retrying(partial(_make_job, reembedding=reembedding, found=each)) for each in found)
    return [queue for queues in made for queue in queues]


def _next(session: Session, reembedding: Reembedding) -> Sequence[Any]:
    """The tracks of the next jobs; none when enough of them wait or run, or when it has ended now."""
    row = session.scalar(_under_way(reembedding).with_for_update())
    if row is None:
        return []
    space = session.get_one(SpaceRow, row.space_id)
    opened = len(list(session.connection().scalars(_OPEN, {"space_id": row.space_id, "owner_id": row.owner_id})))
    asked: dict[str, Any] = {**asked_of(space, row.owner_id), "asked_at": row.asked_at, "most": AT_ONCE - opened}
    found = session.execute(_NEXT, asked).all() if opened < AT_ONCE else []
    if not found and not opened:
        row.finished_at, row.failed = func.now(), count_to_do(session, space, row.owner_id)
    return found


def _under_way(reembedding: Reembedding) -> Any:
    return select(ReembeddingRow).where(
        ReembeddingRow.space_id == reembedding.space_id,
        ReembeddingRow.owner_id == reembedding.owner_id,
        ReembeddingRow.finished_at.is_(None),
    )


def mark_complete(session: Session) -> None:
    """Notes which spaces lack no track of another space of their model, so that reads need not ask."""
    session.execute(_MARK)


# `IS DISTINCT` keeps a row as it is whose answer is the same, so that nobody waits for it.
_MARK = text(
    """
    UPDATE spaces SET complete_at = CASE WHEN lacks THEN NULL ELSE now() END
    FROM (
        SELECT own.id, EXISTS (
            SELECT FROM embeddings AS old
            WHERE old.model_name = own.model AND old.model_digest <> own.digest AND old.stem = ''
              AND old.created_at > coalesce((
                  SELECT finished_at FROM reembeddings
                  WHERE reembeddings.owner_id = old.owner_id AND space_id = own.id), '-infinity')
              AND NOT EXISTS (
                  SELECT FROM embeddings AS new
                  WHERE new.track_id = old.track_id AND new.model_name = own.model AND new.model_digest = own.digest
                    AND new.stem = '')
        ) AS lacks
        FROM spaces AS own
        WHERE EXISTS (SELECT FROM spaces AS other WHERE other.model = own.model AND other.id <> own.id)
    ) AS found
    WHERE spaces.id = found.id AND (complete_at IS NULL) IS DISTINCT FROM lacks
    """
)


def _known(session: Session, space: Space) -> SpaceRow:
    """A served space's row; it is made where nothing was embedded in it yet."""
    values = {"model": space.model, "digest": space.digest, "kind": AUDIO}
    session.execute(insert(SpaceRow).values(values).on_conflict_do_nothing())
    return session.scalars(select(SpaceRow).where(*is_space(space))).one()


def _owners(session: Session, row: SpaceRow, actor: Actor | None) -> list[str]:
    found = session.connection().scalars(_OWNERS, asked_of(row, None if actor is None else actor.owner_id))
    return list(found)


def _ask_for(session: Session, row: SpaceRow, embedder: str, owners: Sequence[str]) -> None:
    rows = [{"space_id": row.id, "owner_id": owner_id, "model": embedder} for owner_id in owners]
    again = insert(ReembeddingRow).values(rows)
    session.execute(
        again.on_conflict_do_update(
            index_elements=["space_id", "owner_id"],
            set_={"model": again.excluded.model, "asked_at": func.now(), "finished_at": None, "failed": 0},
            where=ReembeddingRow.finished_at.is_not(None),
        )
    )


def _make_job(session: Session, reembedding: Reembedding, found: Any) -> list[TaskQueue]:
    """None where the track was erased, or the reembedding cancelled, meanwhile."""
    lock_subject(session, found.id)
    track, row = session.get(TrackRow, found.id), session.scalar(_under_way(reembedding).with_for_update(read=True))
    if track is None or row is None:
        return []
    options = {"classify": {"model": reembedding.model}, "embed": {"stems": found.with_stems}}
    whole = JobOptions.model_validate(options).kept([TaskName.EMBED])
    return startable_queues(create_job(session, track, [TaskName.EMBED], whole, {}, reembeds=row.space_id))


def _cancelled(database: Database, owner_id: str, job_id: str) -> list[TaskQueue]:
    def cancel(session: Session) -> list[TaskQueue]:
        try:
            return cancel_job(session, owner_id, job_id)
        except (JobEnded, NotFound):
            return []

    return database.retrying(cancel)
