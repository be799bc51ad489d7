"""Some of what a classifier is taught from, in each space that it could be taught in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from phonoscope.db.classifiers.examples import fingerprints_by_row, read_known, track_vectors
from phonoscope.db.classifiers.spec import Spec, taught_labels
from phonoscope.db.classifiers.teaching import find_classifier, of_space, space_of
from phonoscope.db.classifiers.windows import Windows
from phonoscope.db.schema.classifiers import ClassifierRow, ClassifierVersionRow
from phonoscope.db.spaces.vectors import row_of
from phonoscope.work import AcousticFingerprint, Space

MOST_TRIED = 4_000
"""Windows in each space."""


@dataclass(frozen=True)
class Trial:
    """Examples as they are heard in one space; fields as those of a ``Lesson``."""

    space: Space
    known: Windows
    facts: NDArray[np.int64]
    track_vectors: NDArray[np.float32]


@dataclass(frozen=True)
class Trials:
    """The same examples in several spaces, that of the classifier first; none where there is no other one.

    Args:
        own: the space of the classifier; ``settled``: whether its newest version is in it.
        fingerprints: of the recordings of the first one, by their row there.
    """

    own: Space
    settled: bool
    labels: Sequence[str]
    several: bool
    spaces: Sequence[Trial]
    fingerprints: Mapping[int, AcousticFingerprint]


def read_trials(session: Session, owner_id: str, name: str, spaces: Collection[Space], most: int) -> Trials | None:
    """So many windows in the classifier's space, and in each of these that anything was embedded in.

    Returns ``None`` where its maker named its space.

    Raises:
        NotFound: the owner has no such classifier.
        TooFewExamples, TooManyLabels: it cannot be taught from what is said.
    """
    row = find_classifier(session, owner_id, name)
    spec, own = Spec.of(row.spec, row.created_at), space_of(row)
    if not spec.chooses:
        return None
    others = [space for space in spaces if space != own and row_of(session, space) is not None]
    if not others:
        return Trials(own, False, [], row.several, [], {})
    labels = taught_labels(session, owner_id, spec)
    found = []
    for space in (own, *others):
        asked = {**of_space(session, row, spec, space), "known": labels}
        known = read_known(session, asked, most, several=row.several)
        found.append(Trial(space, known.windows, known.facts, track_vectors(session, space, known.windows.tracks)))
    settled = session.scalar(_newest_space(row)) == own.digest
    return Trials(own, settled, labels, row.several, found, fingerprints_by_row(session, found[0].known.tracks))


def _newest_space(row: ClassifierRow) -> Any:
    """The digest of the space that its newest version is in."""
    version = ClassifierVersionRow
    return select(version.manifest["space"].astext).where(
        version.classifier_id == row.id, version.version == row.version
    )
