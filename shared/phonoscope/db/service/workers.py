"""Worker processes: which are alive, where, on what device."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from phonoscope.db.schema.service import WorkerRow
from phonoscope.states import Lane, Pool

LIVE_WITHIN = timedelta(seconds=20)
_FORGOTTEN_AFTER = timedelta(days=1)


def beat_worker(session: Session, worker_id: str, pool: Pool, lanes: Sequence[Lane], host: str, device: str) -> None:
    """Writes a worker's heartbeat."""
    served = [lane.value for lane in lanes]
    statement = insert(WorkerRow).values(id=worker_id, pool=pool, lanes=served, host=host, device=device)
    session.execute(statement.on_conflict_do_update(index_elements=[WorkerRow.id], set_={"heartbeat_at": func.now()}))


def forget_silent_workers(session: Session) -> None:
    """Removes workers without a heartbeat for a day."""
    session.execute(delete(WorkerRow).where(WorkerRow.heartbeat_at < func.now() - _FORGOTTEN_AFTER))


def remove_worker(session: Session, worker_id: str) -> None:
    session.execute(delete(WorkerRow).where(WorkerRow.id == worker_id))


def live_workers(session: Session, *, host: str | None = None) -> list[WorkerRow]:
    statement = select(WorkerRow).where(WorkerRow.heartbeat_at > func.now() - LIVE_WITHIN).order_by(WorkerRow.id)
    if host is not None:
        statement = statement.where(WorkerRow.host == host)
    return list(session.scalars(statement))
