"""Classifiers as they are: rows with their newest versions, their doubts and how their teachings stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session, load_only

from phonoscope.contract.classifiers import ClassifierState
from phonoscope.db.classifiers.queue import count_to_ask
from phonoscope.db.classifiers.teaching import failure_of
from phonoscope.db.schema.classifiers import ClassifierRow, ClassifierVersionRow
from phonoscope.db.schema.tables import TaskRow
from phonoscope.db.spaces.vectors import row_of
from phonoscope.states import TaskName
from phonoscope.work import Space

_DOUBTS = text(
    """
    SELECT track_id, filename, start_s, end_s, given, label, probability
    FROM classifier_doubts JOIN tracks ON tracks.id = track_id
    WHERE classifier_id = :id AND version = :version ORDER BY rank
    """
)
_NAMES = text("SELECT id, filename FROM tracks WHERE owner_id = :owner_id AND id = ANY(CAST(:tracks AS text[]))")


@dataclass(frozen=True)
class Seen:
    """A classifier as it is now.

    Args:
        newest: its newest version, without the weights; ``None`` before it was taught.
        space_id: ``None`` when its space was dropped.
        left_out: recordings of its examples without vectors, as sentences; those that were erased since are not named.
    """

    row: ClassifierRow
    state: ClassifierState
    problem: dict[str, Any] | None
    newest: ClassifierVersionRow | None
    space_id: int | None
    doubts: Sequence[Any]
    left_out: Sequence[str]
    queue: int


def list_classifiers(session: Session, owner_id: str) -> list[Seen]:
    """All of an owner's, by name, without their doubts."""
    rows = session.scalars(select(ClassifierRow).where(ClassifierRow.owner_id == owner_id).order_by(ClassifierRow.name))
    return [see(session, row, whole=False) for row in rows.all()]


def see(session: Session, row: ClassifierRow, *, whole: bool = True) -> Seen:
    """A classifier as it is now; with its doubts and what was left out where the ``whole`` is asked for."""
    state, problem = _standing(session, row)
    newest = _version(session, row)
    space = row_of(session, Space(row.model, row.digest))
    at = {"id": row.id, "version": row.version}
    doubts = session.execute(_DOUBTS, at).mappings().all() if whole else []
    left_out = _left_out(session, row.owner_id, newest) if whole and newest is not None else []
    queue = count_to_ask(session, row)
    return Seen(row, state, problem, newest, None if space is None else space.id, doubts, left_out, queue)


def list_versions(session: Session, row: ClassifierRow) -> list[ClassifierVersionRow]:
    """Its versions that are kept, the newest first, without their weights."""
    of_it = _versions().where(ClassifierVersionRow.classifier_id == row.id)
    return list(session.scalars(of_it.order_by(ClassifierVersionRow.version.desc())))


def _standing(session: Session, row: ClassifierRow) -> tuple[ClassifierState, dict[str, Any] | None]:
    """Its state, and why its newest teaching failed: by its job, whose end nobody may have noted yet."""
    state = ClassifierState(row.state)
    if state is not ClassifierState.TEACHING or row.again:
        return state, row.problem
    of_job = select(TaskRow).where(TaskRow.job_id == row.job_id, TaskRow.name == TaskName.TEACH)
    problem = failure_of(session.scalar(of_job))
    return (ClassifierState.FAILED, problem) if problem else (state, None)


def _version(session: Session, row: ClassifierRow) -> ClassifierVersionRow | None:
    of_it = ClassifierVersionRow.classifier_id == row.id, ClassifierVersionRow.version == row.version
    found: ClassifierVersionRow | None = session.scalar(_versions().where(*of_it))
    return found


def _versions() -> Any:
    kept = ClassifierVersionRow
    return select(kept).options(load_only(kept.manifest, kept.figures, kept.read_at, kept.taught_at))


def _left_out(session: Session, owner_id: str, newest: ClassifierVersionRow) -> list[str]:
    kept = {each["track_id"]: each["silent"] for each in newest.figures.get("left_out", [])}
    rows = session.execute(_NAMES, {"owner_id": owner_id, "tracks": list(kept)}) if kept else ()
    return [f"{row.filename} {'is silent' if kept[row.id] else 'could not be embedded'}" for row in rows]
