"""Classifiers and their teachings: one job at a time teaches a classifier, and one that is asked for meanwhile follows.

Whoever changes a classifier holds its owner's subject (``tasks/LOCKS.md``). How a teaching failed is read from its job,
so that nothing needs to be written where a job fails, is cancelled, or dies with its worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.orm import Session

from phonoscope.contract import JobOptions
from phonoscope.contract.classifiers import ClassifierState
from phonoscope.db.classifiers.heads import forget_labels
from phonoscope.db.classifiers.spec import SAID, Spec, dated
from phonoscope.db.classifiers.versions import check_room
from phonoscope.db.schema.classifiers import ClassifierLabelChangeRow, ClassifierRow
from phonoscope.db.schema.tables import TaskRow, given
from phonoscope.db.service.audit import Actor, record
from phonoscope.db.tasks.cancel import cancel_job
from phonoscope.db.tasks.create import create_job, startable_queues
from phonoscope.db.tasks.family import lock_family
from phonoscope.db.tasks.windows import space_id
from phonoscope.errors import JobEnded, NameTaken, NotFound
from phonoscope.ids import new_id
from phonoscope.states import Status, TaskName, TaskQueue
from phonoscope.work import Library, Space

CANCELLED = {"code": "cancelled", "detail": "its job was cancelled"}

MISSING = f"""
    WITH {SAID}
    SELECT DISTINCT tracks.id FROM said JOIN tracks ON tracks.id = said.track_id
    WHERE NOT EXISTS (
            SELECT FROM window_embeddings AS windows
            WHERE windows.track_id = tracks.id AND windows.space_id = :space_id AND windows.stem = '')
      AND NOT EXISTS (
            SELECT FROM embeddings AS known
            WHERE known.track_id = tracks.id AND known.model_name = :model AND known.model_digest = :digest
              AND known.stem = '' AND known.vector IS NULL)
"""  # noqa: S608 - of constants
"""The recordings that have something said of them, and no window in the space, as SQL; silent ones need none."""
_ANY_MISSING = text(f"SELECT EXISTS ({MISSING})")
_OF_CLASSIFIER = text(
    """
    SELECT id FROM jobs
    WHERE owner_id = :owner_id AND track_id IS NULL AND status IN ('queued', 'running')
      AND :name IN (options #>> '{teach,classifier}', options #>> '{apply,classifier}')
    ORDER BY id
    """
)


def find_classifier(session: Session, owner_id: str, name: str, *, to_change: bool = False) -> ClassifierRow:
    """An owner's classifier. Raises ``NotFound``.

    Args:
        to_change: whether nobody else changes it before the commit: who erases a track takes its examples out.
    """
    wanted = select(ClassifierRow).where(ClassifierRow.owner_id == owner_id, ClassifierRow.name == name)
    if to_change:
        wanted = wanted.with_for_update(key_share=True).execution_options(populate_existing=True)
    row: ClassifierRow | None = session.scalar(wanted)
    if row is None:
        raise NotFound(f"no classifier {name!r}")
    return row


def new_classifier(session: Session, actor: Actor, name: str, space: Space, kept: Mapping[str, Any]) -> ClassifierRow:
    """A classifier that is not taught yet. The caller holds the owner's subject.

    Args:
        kept: what it is taught from, as ``spec.as_kept`` has it.

    Raises:
        NameTaken: the owner has a classifier of that name.
        ClassifierQuotaExceeded: the owner has as many as may be.
    """
    there = select(ClassifierRow.id).where(ClassifierRow.owner_id == actor.owner_id, ClassifierRow.name == name)
    if session.scalar(there) is not None:
        raise NameTaken(f"you have a classifier {name!r}: `POST /v1/classifiers/{name}/teach` teaches it again")
    check_room(session, actor.owner_id, 0)
    row = ClassifierRow(
        id=new_id("cls"),
        owner_id=actor.owner_id,
        name=name,
        state=ClassifierState.TEACHING,
        model=space.model,
        digest=space.digest,
        several=kept["multi_label"],
        spec=dated(session, kept),
        reteach=kept["reteach"],
        key_id=actor.key_id,
    )
    session.connection().execute(insert(ClassifierRow), given(row))
    record(session, actor, "classifier.created", row.id, name=name)
    return find_classifier(session, actor.owner_id, name)


def change_spec(session: Session, actor: Actor, row: ClassifierRow, space: Space, kept: Mapping[str, Any]) -> None:
    """What it is taught from the next time, in the place of before. The caller holds the owner's subject."""
    row.model, row.digest, row.key_id = space.model, space.digest, actor.key_id
    row.several, row.reteach = kept["multi_label"], kept["reteach"]
    row.spec = dated(session, kept, Spec.of(row.spec, row.created_at))
    session.flush()


def ask_for_teaching(session: Session, row: ClassifierRow) -> list[TaskQueue]:
    """Has a classifier taught. The caller holds the owner's subject, commits, then wakes the queues.

    A job that waits is joined; while one runs, another one follows. Where examples have no vectors, the courier has
    them embedded first.
    """
    status = lock_job(session, row)
    missing = bool(Spec.of(row.spec, row.created_at).embedder) and any_missing(session, row)
    row.asked_at, row.problem = func.now(), None
    session.execute(delete(ClassifierLabelChangeRow).where(ClassifierLabelChangeRow.classifier_id == row.id))
    if status is not None and not status.ended:
        row.again = row.again or missing or status is Status.RUNNING
        session.flush()
        return []
    row.again = False
    if missing:
        row.state, row.job_id = ClassifierState.EMBEDDING, None
        session.flush()
        return []
    return start_teaching(session, row)


def start_teaching(session: Session, row: ClassifierRow) -> list[TaskQueue]:
    """Makes the job that teaches a classifier of which none is open. The caller holds the owner's subject."""
    options = JobOptions.model_validate({"teach": {"classifier": row.name}}).kept([TaskName.TEACH])
    job = create_job(session, Library(row.owner_id), [TaskName.TEACH], options, {}, key_id=row.key_id)
    row.job_id, row.state = job.id, ClassifierState.TEACHING
    session.flush()
    return startable_queues(job)


def any_missing(session: Session, row: ClassifierRow) -> bool:
    """Whether a recording that it is taught from has no vectors in its space."""
    spec = Spec.of(row.spec, row.created_at)
    return bool(session.connection().scalar(_ANY_MISSING, of_space(session, row, spec, space_of(row))))


def space_of(row: ClassifierRow) -> Space:
    """The space in which its examples are compared."""
    return Space(row.model, row.digest)


def of_space(session: Session, row: ClassifierRow, spec: Spec, space: Space) -> dict[str, Any]:
    """The parameters of ``MISSING``."""
    known = space_id(session, space)
    return {**spec.asked(row.owner_id), "space_id": known, "model": space.model, "digest": space.digest}


def lock_job(session: Session, row: ClassifierRow) -> Status | None:
    """The status of its newest teaching, which does not change before the commit; ``None`` where there is none."""
    if row.job_id is None:
        return None
    of_job = TaskRow.job_id == row.job_id, TaskRow.name == TaskName.TEACH
    tasks = list(session.scalars(select(TaskRow.id).where(*of_job)))
    lock_family(session, tasks)
    return session.scalar(select(TaskRow.status).where(*of_job))


def failure_of(task: TaskRow | None) -> dict[str, Any] | None:
    """Why a teaching that should have ended well did not; ``None`` while it is open, or where it did."""
    if task is None:
        return {"code": "worker_lost", "detail": "its job is gone"}
    if task.status is Status.CANCELLED:
        return CANCELLED
    if task.status is Status.FAILED:
        error = task.error or {}
        return {"code": error.get("code", "task_failed"), "detail": error.get("detail", "")}
    return None


def delete_classifier(
    session: Session, actor: Actor, row: ClassifierRow, *, keeps_labels: bool = False
) -> list[TaskQueue]:
    """Cancels its jobs and removes it with its versions and its labels. The caller holds the owner's subject.

    Args:
        keeps_labels: whether the labels under its name are those of a served model.

    Returns where tasks can start now.
    """
    named = {"owner_id": row.owner_id, "name": row.name}
    queues = []
    for job_id in list(session.connection().scalars(_OF_CLASSIFIER, named)):
        try:
            queues += cancel_job(session, row.owner_id, job_id)
        except JobEnded:
            continue
    session.execute(delete(ClassifierRow).where(ClassifierRow.id == row.id))
    if not keeps_labels:
        forget_labels(session, row.owner_id, row.name)
    record(session, actor, "classifier.deleted", row.id, name=row.name)
    return queues
