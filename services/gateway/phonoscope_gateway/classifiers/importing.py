"""Keeps classifiers that were exported, here or by another service."""

from __future__ import annotations

from sqlalchemy.orm import Session

from phonoscope.catalogue import AUTO, headed
from phonoscope.contract import SpaceRef
from phonoscope.contract.classifiers import Application, ClassifierCard
from phonoscope.db.classifiers.versions import HeadFiles, keep_import
from phonoscope.db.schema.classifiers import ClassifierRow
from phonoscope.db.service.keys import Caller
from phonoscope.db.tasks.windows import space_id
from phonoscope.errors import NameTaken
from phonoscope.work import Space
from phonoscope_gateway.classifiers.transfer import unpack
from phonoscope_gateway.forms import Upload
from phonoscope_gateway.state import State


def take_import(state: State, caller: Caller, name: str, upload: Upload) -> ClassifierCard:
    """Keeps an exported classifier.

    Raises:
        NameTaken: a served model has the name.
        InvalidImport: the file is damaged, unsafe, or does not fit the owner's classifier of that name.
        BodyAbsent: its body is not there, or another one is.
        ClassifierQuotaExceeded: the owner has as many classifiers as may be.
    """
    if name == AUTO or state.catalogue.has(name):
        raise NameTaken(f"a model that is served is called {name!r}")
    manifest, weights = unpack(upload.file, name)
    headed(manifest, state.catalogue.bodies)

    def keep(session: Session) -> ClassifierCard:
        row = keep_import(session, caller.actor, HeadFiles(manifest, weights))
        session.refresh(row)
        return _card(session, row, manifest.labels)

    return state.database.retrying(keep)


def _card(session: Session, row: ClassifierRow, labels: list[str]) -> ClassifierCard:
    """The card of a classifier that was imported just now: nothing is known of its examples."""
    return ClassifierCard(
        id=row.id,
        name=row.name,
        state=row.state,
        version=row.version,
        space=SpaceRef(id=space_id(session, Space(row.model, row.digest)), model=row.model, digest=row.digest),
        labels=labels,
        multi_label=row.several,
        reteach=row.reteach,
        confirmed=row.spec.get("confirmed", True),
        examples=sum(map(len, row.spec.get("examples", {}).values())),
        job_id=row.job_id,
        problem=None,
        figures=None,
        doubts=[],
        queue=0,
        applied=_applied(row),
        shadowed=False,
        created_at=row.created_at,
        taught_at=row.asked_at,
    )


def _applied(row: ClassifierRow) -> Application | None:
    if row.applied_version is None:
        return None
    return Application(version=row.applied_version, finished_at=row.applied_at, **row.applied)
