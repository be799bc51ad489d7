"""The ledger: results that were computed before, or are being computed, and need not be computed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select, text
from sqlalchemy.orm import Session, joinedload

from phonoscope.db.schema.tables import EmbeddingRow, TaskRow
from phonoscope.states import Status, TaskName
from phonoscope.work import WHOLE_TRACK, CacheKey

_COMPUTING = text(
    """
    SELECT id, fingerprint FROM tasks
    WHERE fingerprint = ANY(:fingerprints) AND status IN ('queued', 'running') AND follows IS NULL
    """
)


@dataclass(frozen=True)
class Repeats:
    """Of a job's tasks, those whose result is there, and those that a task of another job computes now (its id)."""

    found: dict[TaskName, TaskRow] = field(default_factory=dict)
    computing: dict[TaskName, str] = field(default_factory=dict)


def find_repeats(session: Session, subject_id: str, ledger: Mapping[TaskName, CacheKey]) -> Repeats:
    """What was asked before of a subject that the caller has locked, so that no leader ends meanwhile."""
    connection = session.connection()
    fingerprints = [entry.fingerprint for entry in ledger.values()]
    computing = {row.fingerprint: row.id for row in connection.execute(_COMPUTING, {"fingerprints": fingerprints})}
    done = _succeeded(session, fingerprints)
    repeats = Repeats()
    for name, entry in ledger.items():
        known = done.get(entry.fingerprint, [])
        row = next((row for row, digest in known if digest in entry.model_digests), None)
        if row is not None and _has_vectors(session, subject_id, row):
            repeats.found[name] = row
        elif entry.fingerprint in computing:
            repeats.computing[name] = computing[entry.fingerprint]
    return repeats


def _succeeded(session: Session, fingerprints: list[str]) -> dict[str | None, list[tuple[TaskRow, str | None]]]:
    """The tasks that succeeded, by fingerprint, the newest first; each with the digest of the model that answered."""
    statement = (
        select(TaskRow)
        .where(
            TaskRow.fingerprint.in_(fingerprints),
            TaskRow.status == Status.SUCCEEDED,
            TaskRow.source_id.is_(None),
        )
        .options(joinedload(TaskRow.result))
        .order_by(TaskRow.finished_at.desc())
    )
    found: dict[str | None, list[tuple[TaskRow, str | None]]] = {}
    for row in session.scalars(statement):
        if row.result is not None:
            found.setdefault(row.fingerprint, []).append((row, row.result.model_digest))
    return found


def _has_vectors(session: Session, track_id: str, row: TaskRow) -> bool:
    """Whether the vectors that an embedding gave are still there: those of another digest or of other stems may have
    replaced them, and the result alone would not bring them back. True for every other task, and for an embedding of
    which none were kept.
    """
    if row.name is not TaskName.EMBED or row.result is None:
        return True
    result = row.result
    own = {"name": result.model_name, "digest": result.model_digest}
    stems = {WHOLE_TRACK, *(result.body.get("stems") or [])}
    spaces = result.body.get("spaces", [own])
    wanted = {(space["name"], space["digest"], stem) for space in spaces for stem in stems}
    vectors = select(EmbeddingRow.model_name, EmbeddingRow.model_digest, EmbeddingRow.stem).where(
        EmbeddingRow.track_id == track_id
    )
    return wanted <= {tuple(vector) for vector in session.execute(vectors)}
