"""The heads of owners' classifiers: those of the newest versions are served, to their owner alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from threading import Lock
from typing import Any, TypeAlias

from pydantic import ValidationError
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from phonoscope.catalogue import HeadManifest, OwnHead
from phonoscope.db.access.engine import Database
from phonoscope.db.schema.classifiers import ClassifierRow, ClassifierVersionRow
from phonoscope.db.schema.tables import TrackLabelsRow, TrackRow
from phonoscope.errors import InvalidManifest, NotFound, UnknownModel
from phonoscope.logs import get_logger

_Version: TypeAlias = tuple[str, int]
"""A classifier's id and a version of it, which never changes."""
_MOST_KEPT = 500_000
"""Labels of heads in memory, 50 MB: more than an owner may have, so that one owner's are read once."""
_NEWEST = select(ClassifierRow.name, ClassifierRow.id, ClassifierRow.version).where(ClassifierRow.version > 0)
_MANIFESTS = text(
    """
    SELECT classifier_id, version, manifest FROM classifier_versions
    JOIN unnest(CAST(:ids AS text[]), CAST(:versions AS int[])) AS wanted (classifier_id, version)
      USING (classifier_id, version)
    """
)
_log = get_logger(__name__)


class OwnHeads:
    """Reads the manifests of owners' newest heads, and keeps those that were read last. Threads may share it.

    Args:
        most: labels of heads that are kept in memory.
    """

    def __init__(self, most: int = _MOST_KEPT) -> None:
        self._most = most
        self._kept: dict[_Version, HeadManifest] = {}
        self._lock = Lock()

    def of(self, session: Session, owner_id: str) -> dict[str, HeadManifest]:
        """An owner's heads by name, each of its newest version: one statement where all are kept, or there is none.

        One that this release cannot read is logged, and left out.
        """
        rows = session.execute(_NEWEST.where(ClassifierRow.owner_id == owner_id)).all()
        names: dict[str, _Version] = {row.name: (row.id, row.version) for row in rows}
        known = self._known(list(names.values()))
        missing = [version for version in names.values() if version not in known]
        known |= self._read(session, missing)
        return {name: known[version] for name, version in names.items() if version in known}

    def _known(self, versions: Sequence[_Version]) -> dict[_Version, HeadManifest]:
        with self._lock:
            found = {version: self._kept.pop(version) for version in versions if version in self._kept}
            self._kept |= found
        return found

    def _read(self, session: Session, versions: Sequence[_Version]) -> dict[_Version, HeadManifest]:
        if not versions:
            return {}
        ids, numbers = zip(*versions, strict=True)
        found: dict[_Version, HeadManifest] = {}
        for row in session.execute(_MANIFESTS, {"ids": list(ids), "versions": list(numbers)}):
            try:
                found[row.classifier_id, row.version] = parsed(row.manifest)
            except InvalidManifest as error:
                _log.warning("classifier.unreadable", classifier_id=row.classifier_id, reason=error.detail)
        with self._lock:
            self._kept |= found
            held = sum(len(manifest.labels) for manifest in self._kept.values())
            for oldest in list(self._kept):
                if held <= self._most:
                    break
                held -= len(self._kept.pop(oldest).labels)
        return found


def find_head(database: Database, owner_id: str, name: str) -> OwnHead | None:
    """The newest head of an owner's classifier, whose weights are read when they are asked for.

    Raises ``InvalidManifest`` where this release cannot read it.
    """
    statement = (
        select(ClassifierRow.id, ClassifierRow.version, ClassifierVersionRow.manifest)
        .join(ClassifierVersionRow, _is_newest())
        .where(ClassifierRow.owner_id == owner_id, ClassifierRow.name == name)
    )
    with database.autocommit() as session:
        row = session.execute(statement).one_or_none()
    if row is None:
        return None
    return OwnHead(row.id, row.version, parsed(row.manifest), partial(read_weights, database, row.id, row.version))


def read_weights(database: Database, classifier_id: str, version: int) -> bytes:
    """The weights of a version. Raises ``UnknownModel`` when it was removed meanwhile."""
    of = ClassifierVersionRow.classifier_id == classifier_id, ClassifierVersionRow.version == version
    with database.autocommit() as session:
        weights: bytes | None = session.scalar(select(ClassifierVersionRow.weights).where(*of))
    if weights is None:
        raise UnknownModel("the classifier was removed meanwhile")
    return weights


def check_there(session: Session, owner_id: str, name: str) -> None:
    """Raises ``NotFound`` when the owner has no classifier of that name, taught or not."""
    of = ClassifierRow.owner_id == owner_id, ClassifierRow.name == name
    if session.scalar(select(ClassifierRow.id).where(*of)) is None:
        raise NotFound(f"no classifier {name!r}")


def forget_labels(session: Session, owner_id: str, name: str) -> None:
    """Takes the labels of a classifier that is removed away from its owner's tracks.

    A served model of that name has labels of its own there: then the caller leaves them.
    """
    own = select(TrackRow.id).where(TrackRow.owner_id == owner_id)
    session.execute(delete(TrackLabelsRow).where(TrackLabelsRow.model == name, TrackLabelsRow.track_id.in_(own)))


def _is_newest() -> Any:
    row = ClassifierVersionRow
    return (row.classifier_id == ClassifierRow.id) & (row.version == ClassifierRow.version)


def parsed(manifest: Mapping[str, Any]) -> HeadManifest:
    """A manifest as it is kept. Raises ``InvalidManifest`` where this release cannot read it."""
    try:
        return HeadManifest.model_validate(manifest)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidManifest(f"the classifier's manifest: {where}: {first['msg']}") from error
