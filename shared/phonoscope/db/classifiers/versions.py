"""The versions of classifiers as files: read to be exported, and kept when they are imported."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from phonoscope.catalogue import HeadManifest
from phonoscope.contract.classifiers import MOST_CLASSIFIERS, ClassifierState
from phonoscope.db.classifiers.heads import parsed
from phonoscope.db.schema.classifiers import ClassifierRow, ClassifierVersionRow
from phonoscope.db.schema.tables import given
from phonoscope.db.service.audit import Actor, record
from phonoscope.db.tasks.family import lock_subject
from phonoscope.db.tasks.teachings import replace_versions
from phonoscope.errors import ClassifierQuotaExceeded, InvalidImport, NotFound
from phonoscope.ids import new_id

MOST_LABELS = 100_000
"""Of the newest versions of an owner's classifiers together: 200 MB of weights."""

_OTHERS = text(
    """
    SELECT count(*) AS classifiers, coalesce(sum(jsonb_array_length(manifest -> 'labels')), 0) AS labels
    FROM classifiers AS own LEFT JOIN classifier_versions AS newest
      ON newest.classifier_id = own.id AND newest.version = own.version
    WHERE owner_id = :owner_id AND own.id <> :id
    """
)


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
        ClassifierQuotaExceeded: as ``check_room`` does.
    """
    lock_subject(session, actor.owner_id)
    manifest, weights = files
    row = _find(session, actor.owner_id, manifest.name)
    check_room(session, actor.owner_id, len(manifest.labels), row)
    row = row or _new(session, actor, manifest)
    if (row.digest, row.several) != (manifest.space, manifest.several):
        raise InvalidImport.field("file", "your classifier of that name is of another space or kind: take another name")
    version = row.version + 1
    kept = manifest.model_dump(mode="json") | {"version": version}
    session.add(
        ClassifierVersionRow(
            classifier_id=row.id, version=version, manifest=kept, weights=weights, figures={}, read_at=func.now()
        )
    )
    row.version, row.problem = version, None
    if row.state == ClassifierState.FAILED:
        row.state = ClassifierState.READY
    session.flush()
    replace_versions(session, row.id, version)
    record(session, actor, "classifier.imported", row.id, name=row.name, version=version)
    return row


def check_room(session: Session, owner_id: str, labels: int, row: ClassifierRow | None = None) -> None:
    """Refuses what an owner has no room for.

    Args:
        labels: of the version that is to be kept.
        row: the classifier that it is a version of; ``None`` for a new one.

    Raises ``ClassifierQuotaExceeded`` when the owner has ``MOST_CLASSIFIERS`` already, or the newest versions of all
    would have more than ``MOST_LABELS``.
    """
    others = session.execute(_OTHERS, {"owner_id": owner_id, "id": row.id if row else ""}).one()
    if row is None and others.classifiers >= MOST_CLASSIFIERS:
        raise ClassifierQuotaExceeded(
            f"{MOST_CLASSIFIERS} classifiers may be kept; delete one first", limit=MOST_CLASSIFIERS
        )
    if others.labels + labels > MOST_LABELS:
        raise ClassifierQuotaExceeded(
            f"your classifiers may have {MOST_LABELS:,} labels together; this one has {labels:,}, "
            f"and the others have {others.labels:,}",
            limit=MOST_LABELS,
        )


def _find(session: Session, owner_id: str, name: str) -> ClassifierRow | None:
    of = ClassifierRow.owner_id == owner_id, ClassifierRow.name == name
    return session.scalar(select(ClassifierRow).where(*of))


def _new(session: Session, actor: Actor, manifest: HeadManifest) -> ClassifierRow:
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
