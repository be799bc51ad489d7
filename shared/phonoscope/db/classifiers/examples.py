"""The windows that a classifier is taught from: what is said of each, its vector, and windows of other recordings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from phonoscope.contract.classifiers import MOST_EXAMPLES
from phonoscope.db.classifiers.sampling import spread, whole_recordings, window_counts
from phonoscope.db.classifiers.spec import SAID, Spec, check_said, taught_labels
from phonoscope.db.classifiers.teaching import find_classifier, of_space, space_of
from phonoscope.db.classifiers.versions import check_room
from phonoscope.db.classifiers.windows import Spot, Windows, read_vectors, windows_of
from phonoscope.db.library.fingerprints import fingerprints_of
from phonoscope.db.schema.classifiers import ClassifierRow
from phonoscope.db.schema.tables import EMBEDDING_DIM, EmbeddingRow
from phonoscope.errors import ClassifierQuotaExceeded, TooFewExamples, TooManyLabels
from phonoscope.work import WHOLE_TRACK, AcousticFingerprint, Space

MOST_OF_ONE = 120
"""Windows of one recording or span that is an example: ten minutes of sound, taken evenly."""
MOST_OTHERS = 20_000
"""Windows that nothing is said of: of all recordings alike."""
MOST_STRANGERS = 5_000
"""Windows of recordings of which no label of its was ever said, by which it is decided what is unknown."""
MOST_FINGERPRINTS = 5_000
"""Recordings of which copies are looked for by acoustic fingerprints, which take 2 kB a minute."""
MOST_LEFT_OUT = 100
"""Recordings without vectors that are named."""
_AT_ONCE = 2_000
_NOW = text("SELECT clock_timestamp()")

# The turn takes from each label alike where there is more than can be taught.
_FITTING = text(
    f"""
    WITH {SAID}, chosen AS (
        SELECT * FROM (
            SELECT said.*, row_number() OVER (
                PARTITION BY label, holds ORDER BY hashtext(track_id), track_id, start_s NULLS FIRST, end_s NULLS FIRST
            ) AS turn FROM said WHERE label = ANY(:known)
        ) AS ordered ORDER BY turn, label LIMIT :most
    ), counted AS (SELECT greatest(1, least(:most_of_one, :most / greatest(count(*), 1))) AS each FROM chosen)
    SELECT chosen.track_id, chosen.label, chosen.holds, fitting.position, fitting.start_s, fitting.end_s,
           CASE WHEN chosen.start_s IS NULL THEN NULL ELSE coalesce(chosen.end_s - chosen.start_s, 0) END AS width_s
    FROM counted, chosen CROSS JOIN LATERAL (
        SELECT position, start_s, end_s, row_number() OVER (ORDER BY position) AS rank, count(*) OVER () AS windows
        FROM window_embeddings AS own
        WHERE own.track_id = chosen.track_id AND own.space_id = :space_id AND own.stem = '' AND (
            chosen.start_s IS NULL
            OR chosen.end_s IS NOT NULL
               AND least(own.end_s, chosen.end_s) - greatest(own.start_s, chosen.start_s)
                   >= 0.5 * least(own.end_s - own.start_s, chosen.end_s - chosen.start_s) - 0.001
            OR chosen.end_s IS NULL AND own.position = (
                SELECT near.position FROM window_embeddings AS near
                WHERE near.track_id = chosen.track_id AND near.space_id = :space_id AND near.stem = ''
                  AND near.start_s <= chosen.start_s + 0.001 AND near.end_s >= chosen.start_s - 0.001
                ORDER BY abs((near.start_s + near.end_s) / 2 - chosen.start_s), near.position LIMIT 1))
    ) AS fitting
    WHERE fitting.rank * counted.each / fitting.windows <> (fitting.rank - 1) * counted.each / fitting.windows
    """  # noqa: S608 - of constants
)
_LEFT_OUT = text(
    f"""
    WITH {SAID}
    SELECT DISTINCT tracks.id, EXISTS (
        SELECT FROM embeddings
        WHERE track_id = tracks.id AND model_name = :model AND model_digest = :digest AND stem = '' AND vector IS NULL
    ) AS silent
    FROM said JOIN tracks ON tracks.id = said.track_id
    WHERE label = ANY(:known) AND NOT EXISTS (
        SELECT FROM window_embeddings AS windows
        WHERE windows.track_id = tracks.id AND windows.space_id = :space_id AND windows.stem = '')
    ORDER BY tracks.id LIMIT :most
    """  # noqa: S608 - of constants
)
_NAMED = text(
    f"""
    WITH {SAID}
    SELECT track_id FROM said WHERE label = ANY(:known)
    UNION
    SELECT track_id FROM annotations WHERE owner_id = :owner_id AND label = ANY(:known)
    """  # noqa: S608 - of constants
)


@dataclass(frozen=True)
class Lesson:
    """All that a teaching needs of the database.

    Args:
        version: of the classifier's newest head.
        known: windows with something said of them; ``facts`` are index of the window, index of the label, whether it
            holds.
        others: windows that nothing is said of, of all of the owner's recordings, evenly.
        strangers: windows of recordings of which none of the labels was ever said, of each enough for a mean, by time.
        track_vectors: of the recordings of ``known``, in their order; zeros where there is none.
        fingerprints: acoustic ones of these recordings by their row; none of more than ``MOST_FINGERPRINTS``.
        left_out: the ids of recordings without vectors, and whether they are ``silent``.

    Shape:
        - facts: ``(n, 3)``, int64
    """

    classifier_id: str
    name: str
    version: int
    space: Space
    several: bool
    labels: Sequence[str]
    read_at: datetime
    known: Windows
    facts: NDArray[np.int64]
    others: Windows
    strangers: Windows
    track_vectors: NDArray[np.float32]
    fingerprints: Mapping[int, AcousticFingerprint]
    left_out: Sequence[Mapping[str, Any]]


def read_lesson(session: Session, owner_id: str, name: str, most_others: int, space: Space | None = None) -> Lesson:
    """What a classifier is taught from now; memory does not grow with the library.

    Args:
        space: in which; ``None`` for its own.

    Raises:
        NotFound: the owner has no such classifier.
        TooFewExamples, TooManyLabels, ContradictoryLabels: it cannot be taught from what is said.
    """
    row = find_classifier(session, owner_id, name)
    read_at: datetime = session.connection().scalar(_NOW)
    spec = Spec.of(row.spec, row.created_at)
    labels = taught_labels(session, owner_id, spec)
    _check(session, row, spec, labels)
    space = space or space_of(row)
    asked = {**of_space(session, row, spec, space), "known": labels}
    known, spots, facts = read_known(session, asked, MOST_EXAMPLES, several=row.several)
    _check_facts(labels, facts)
    counted = window_counts(session, owner_id, asked["space_id"])
    named = set(session.connection().scalars(_NAMED, asked))
    return Lesson(
        classifier_id=row.id,
        name=row.name,
        version=row.version,
        space=space,
        several=row.several,
        labels=labels,
        read_at=read_at,
        known=known,
        facts=facts,
        others=spread(session, asked["space_id"], counted, set(spots), most_others),
        strangers=whole_recordings(session, asked["space_id"], counted, named, MOST_STRANGERS),
        track_vectors=track_vectors(session, space, known.tracks),
        fingerprints=fingerprints_by_row(session, known.tracks),
        left_out=_left_out(session, asked),
    )


def _check(session: Session, row: ClassifierRow, spec: Spec, labels: Sequence[str]) -> None:
    """What is kept of a failed task names no recording; the card says which one it is."""
    try:
        check_said(session, row.owner_id, spec, labels, named=False)
        check_room(session, row.owner_id, len(labels), row)
    except ClassifierQuotaExceeded as error:
        raise TooManyLabels.field("labels", error.detail) from error


class Known(NamedTuple):
    """Windows with something said of them, where they lie, and what is said, as a lesson's ``facts``."""

    windows: Windows
    spots: list[Spot]
    facts: NDArray[np.int64]


def read_known(session: Session, asked: Mapping[str, Any], most: int, *, several: bool) -> Known:
    """Some windows of examples with what is said of them: of all examples alike, and in each space of the same.

    Args:
        asked: as ``of_space`` has it, and ``known``, the labels.
    """
    said = _said(session, asked, most, several=several)
    windows, spots = _known(session, asked["space_id"], said)
    facts = [(at, label, holds) for at, spot in enumerate(spots) for label, holds in said[spot].facts.items()]
    return Known(windows, spots, np.array(facts, np.int64).reshape(-1, 3))


class _Said(NamedTuple):
    """What is said of a window, and where it lies."""

    span_s: tuple[float, float]
    facts: dict[int, bool]


def _said(session: Session, asked: Mapping[str, Any], most: int, *, several: bool) -> dict[Spot, _Said]:
    """What is said of each window: of two that contradict each other what is said of the narrower span."""
    indices = {label: index for index, label in enumerate(asked["known"])}
    rows = session.execute(_FITTING, {**asked, "most": most, "most_of_one": MOST_OF_ONE})
    spans_s: dict[Spot, tuple[float, float]] = {}
    by_spot: dict[Spot, list[tuple[float, int, bool]]] = defaultdict(list)
    for row in rows:
        spot = Spot(row.track_id, row.position)
        spans_s[spot] = (row.start_s, row.end_s)
        by_spot[spot].append((inf if row.width_s is None else row.width_s, indices[row.label], row.holds))
    found = {spot: resolved(by_spot[spot], several=several) for spot in sorted(by_spot)[:most]}
    return {spot: _Said(spans_s[spot], facts) for spot, facts in found.items() if facts}


def resolved(said: Iterable[tuple[float, int, bool]], *, several: bool) -> dict[int, bool]:
    """Which labels hold in a window, and which do not.

    Args:
        said: of each statement the length of its span, the label, and whether it holds there. The narrowest counts; of
            equally narrow ones that contradict each other none.

    >>> resolved([(float("inf"), 0, True), (2.0, 0, False), (5.0, 1, True)], several=False)
    {0: False, 1: True}
    """
    narrowest: dict[int, tuple[float, set[bool]]] = {}
    for width_s, label, holds in sorted(said):
        kept_s, states = narrowest.setdefault(label, (width_s, set()))
        if width_s == kept_s:
            states.add(holds)
    facts = {label: states == {True} for label, (_, states) in narrowest.items() if len(states) == 1}
    holding = sorted((narrowest[label][0], label) for label, holds in facts.items() if holds)
    if several or len(holding) < 2:  # noqa: PLR2004 - one from another
        return facts
    clear = holding[0][0] < holding[1][0]
    return {label: holds for label, holds in facts.items() if not holds or (clear and label == holding[0][1])}


def _known(session: Session, space_id: int, said: Mapping[Spot, _Said]) -> tuple[Windows, list[Spot]]:
    """The windows with their vectors, without those that are gone meanwhile."""
    kept, vectors = read_vectors(session, space_id, list(said))
    spans_s = np.array([said[spot].span_s for spot in kept], np.float32).reshape(-1, 2)
    return windows_of(kept, spans_s, vectors), kept


def _check_facts(labels: Sequence[str], facts: NDArray[np.int64]) -> None:
    taught = np.bincount(facts[facts[:, 2] == 1, 1], minlength=len(labels))
    if (without := np.flatnonzero(taught == 0)).size:
        raise TooFewExamples.field(
            "labels",
            f"no example of {labels[without[0]]!r} has a window that is heard: they are silent, or not embedded",
        )


def track_vectors(session: Session, space: Space, tracks: Sequence[str]) -> NDArray[np.float32]:
    """As a lesson has them. Shape: ``(tracks, 512)``."""
    index = {track: at for at, track in enumerate(tracks)}
    found = np.zeros((len(tracks), EMBEDDING_DIM), np.float32)
    for start in range(0, len(tracks), _AT_ONCE):
        for track_id, vector in session.execute(_of_tracks(space, tracks[start : start + _AT_ONCE])):
            found[index[track_id]] = vector
    return found


def _of_tracks(space: Space, tracks: Collection[str]) -> Any:
    return select(EmbeddingRow.track_id, EmbeddingRow.vector).where(
        EmbeddingRow.track_id.in_(tracks),
        EmbeddingRow.model_name == space.model,
        EmbeddingRow.model_digest == space.digest,
        EmbeddingRow.stem == WHOLE_TRACK,
        EmbeddingRow.vector.is_not(None),
    )


def fingerprints_by_row(session: Session, tracks: Sequence[str]) -> dict[int, AcousticFingerprint]:
    """As a lesson has them."""
    if len(tracks) > MOST_FINGERPRINTS:
        return {}
    found = fingerprints_of(session, set(tracks))
    return {at: found[track] for at, track in enumerate(tracks) if track in found}


def _left_out(session: Session, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = session.execute(_LEFT_OUT, {**asked, "most": MOST_LEFT_OUT})
    return [{"track_id": row.id, "silent": row.silent} for row in rows]
