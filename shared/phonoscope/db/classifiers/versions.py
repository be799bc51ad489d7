"""The versions of classifiers as files: read to be exported, and kept when they are imported."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from phonoscope.catalogue import HeadManifest
from phonoscope.contract.classifiers import ClassifierState
from phonoscope.db.classifiers.heads import parsed
from phonoscope.db.schema.classifiers import (
    ClassifierDoubtRow,
    ClassifierQueueRow,
    ClassifierRow,
    ClassifierVersionRow,
)
from phonoscope.db.schema.tables import given
from phonoscope.db.service.audit import Actor, record
from phonoscope.db.tasks.family import lock_subject
from phonoscope.errors import ClassifierQuotaExceeded, InvalidImport, NotFound
from phonoscope.ids import new_id

MOST_CLASSIFIERS = 100
"""Of each owner."""
MOST_VERSIONS = 20
"""Of each classifier the newest versions are kept."""


class HeadFiles(NamedTuple):
    """A version of a classifier."""

    manifest: HeadManifest
    weights: bytes


def read_version(session: Session, owner_id: str, name: str, version: int | None = None) -> HeadFiles:
    """A version of an owner's classifier, the newest when none is named.

    Raises ``NotFound`` when it is not kept, and ``InvalidManifest``.
    """
    row = _find(session, owner_id, name)
    if row is None:
        raise NotFound(f"no classifier {name!r}")
    wanted = row.version if version is None else version
    found = session.get(ClassifierVersionRow, (row.id, wanted))
    if found is None:
        raise NotFound(
            f"no version {wanted} of the classifier {name!r} is kept" if wanted else f"{name!r} is not taught"
        )
    return HeadFiles(parsed(found.manifest), bytes(found.weights))


def keep_import(session: Session, actor: Actor, files: HeadFiles) -> ClassifierRow:
    """Keeps a head as a new classifier of its name, or as the newest version of the one that there is.

    Raises:
        InvalidImport: the classifier of that name compares recordings in another space, or otherwise.
        ClassifierQuotaExceeded: the owner has ``MOST_CLASSIFIERS``.
    """
    lock_subject(session, actor.owner_id)
    manifest, weights = files
    row = _find(session, actor.owner_id, manifest.name) or _new(session, actor, manifest)
    if (row.digest, row.several) != (manifest.space, manifest.several):
        raise InvalidImport.field("file", "your classifier of that name is of another space or kind: take another name")
    version = row.version + 1
    kept = manifest.model_dump(mode="json") | {"version": version}
    of = ClassifierVersionRow.classifier_id == row.id
    session.add(
        ClassifierVersionRow(
            classifier_id=row.id, version=version, manifest=kept, weights=weights, figures={}, read_at=func.now()
        )
    )
    session.flush()
    session.execute(delete(ClassifierVersionRow).where(of, ClassifierVersionRow.version <= version - MOST_VERSIONS))
    for noted in (ClassifierDoubtRow, ClassifierQueueRow):
        session.execute(delete(noted).where(noted.classifier_id == row.id))
    row.version, row.problem = version, None
    if row.state == ClassifierState.FAILED:
        row.state = ClassifierState.READY
    session.flush()
    record(session, actor, "classifier.imported", row.id, name=row.name, version=version)
    return row


def check_room(session: Session, owner_id: str) -> None:
    """Raises ``ClassifierQuotaExceeded`` when the owner has ``MOST_CLASSIFIERS``; the caller holds its subject."""
    held = select(func.count()).select_from(ClassifierRow).where(ClassifierRow.owner_id == owner_id)
    if (session.scalar(held) or 0) >= MOST_CLASSIFIERS:
        raise ClassifierQuotaExceeded(
            f"{MOST_CLASSIFIERS} classifiers may be kept; delete one first", limit=MOST_CLASSIFIERS
        )


def _find(session: Session, owner_id: str, name: str) -> ClassifierRow | None:
    of = ClassifierRow.owner_id == owner_id, ClassifierRow.name == name
    return session.scalar(select(ClassifierRow).where(*of))


def _new(session: Session, actor: Actor, manifest: HeadManifest) -> ClassifierRow:
    check_room(session, actor.owner_id)
    row = ClassifierRow(
        id=new_id("cls"),
        owner_id=actor.owner_id,
        name=manifest.name,
        state=ClassifierState.READY,
        model=manifest.on[0].bodies[0].name,
        digest=manifest.space,
        several=manifest.several,
        spec={},
        key_id=actor.key_id,
    )
    session.connection().execute(insert(ClassifierRow), given(row))
    found = _find(session, actor.owner_id, manifest.name)
    assert found is not None
    return found
