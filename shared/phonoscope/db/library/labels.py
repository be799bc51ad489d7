"""The labels that count for tracks: what owners confirmed before what models predicted, without what they rejected."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, literal, or_, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, aliased

from phonoscope.annotations.values import Annotation
from phonoscope.catalogue import Vocabularies
from phonoscope.db.access.paging import text_cursor, text_of
from phonoscope.db.library.annotations import OWNERS
from phonoscope.db.schema.annotations import AnnotationRow
from phonoscope.db.schema.tables import TrackLabelsRow, TrackRow
from phonoscope.states import LabelState

APPLIED = -1
"""The position of labels that were found in kept vectors: those of classifications count before them."""
_WHOLE = AnnotationRow.start_s.is_(None)
LABEL_COLUMNS = f"""
    (SELECT json_agg(json_build_array(model, labels, probability)
                     ORDER BY position = {APPLIED}, finished_at DESC, position, model)
     FROM track_labels WHERE track_id = asked.id AND model <> '') AS answers,
    (SELECT json_agg(json_build_array(label, state, start_s, end_s) ORDER BY id)
     FROM annotations WHERE track_id = asked.id) AS said
"""  # noqa: S608 - of a constant
"""SQL of what ``labels_in`` reads, of tracks that are called ``asked``."""
_LABELS = text(f"SELECT id, {LABEL_COLUMNS} FROM unnest(CAST(:tracks AS text[])) AS asked (id)")  # noqa: S608
_COUNTS = text(
    """
    SELECT label,
           count(DISTINCT track_id) FILTER (WHERE state = 'confirmed') AS confirmed,
           count(DISTINCT track_id) FILTER (WHERE state = 'rejected') AS rejected,
           count(*) FILTER (WHERE is_part) AS spans,
           count(DISTINCT track_id) FILTER (WHERE state = 'predicted') AS predicted
    FROM (
        SELECT label COLLATE "C" AS label, track_id, state, start_s IS NOT NULL AS is_part
        FROM annotations WHERE owner_id = :owner_id
        UNION ALL
        SELECT unnest(labels) COLLATE "C", track_id, 'predicted', false
        FROM track_labels JOIN tracks ON tracks.id = track_id WHERE owner_id = :owner_id AND model <> ''
    ) AS said
    WHERE label > :after GROUP BY label ORDER BY label LIMIT :limit
    """
)


class TrackLabels(NamedTuple):
    """The labels that count for a track.

    ``newest`` is the one that is shown: the first that the owner confirmed of the whole track, else that of the newest
    classification: ``None`` before the first, and when it is unknown or rejected.
    ``by_model`` has the labels of models that recognised something, the most probable first, without rejected ones; of
    the newest classification those of the model that counts come first. Where a model has only one label at a time,
    a confirmed one that it knows takes its place.
    ``confirmed`` and ``rejected`` are of the whole track, ``in_parts`` those that are confirmed in parts of it alone.
    """

    newest: str | None
    by_model: dict[str, list[str]]
    confirmed: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    in_parts: tuple[str, ...] = ()

    def of(self, model: str | None) -> str | None:
        """The label by a model; without one the newest."""
        return self.newest if model is None else next(iter(self.by_model.get(model, [])), None)

    def all_of(self, model: str | None) -> list[str]:
        """The labels by a model; without one those by the owner and by all models, each once."""
        if model is not None:
            return list(self.by_model.get(model, []))
        models = (label for labels in self.by_model.values() for label in labels)
        return list(dict.fromkeys((*self.confirmed, *self.in_parts, *models)))

    def is_confirmed(self, label: str | None) -> bool:
        """Whether the owner confirmed it of the whole track."""
        return label in self.confirmed

    def reviewed(self, predicted: Iterable[str]) -> list[str]:
        """Predicted labels after those that the owner confirmed, without those that the owner rejected."""
        left = (label for label in predicted if label not in self.rejected)
        return list(dict.fromkeys((*self.confirmed, *left)))


NO_LABELS = TrackLabels(None, {})


class Heard(NamedTuple):
    """The labels that count for a track, and the models that have labelled it, the newest first, also in vain."""

    labels: TrackLabels = NO_LABELS
    models: tuple[str, ...] = ()


class LabelCount(NamedTuple):
    """In how many of an owner's tracks a label is confirmed, rejected and predicted; and in how many parts of them."""

    label: str
    confirmed: int
    rejected: int
    spans: int
    predicted: int


def labels_of(
    session: Session, tracks: Collection[str], vocabularies: Vocabularies | None = None
) -> dict[str, TrackLabels]:
    """The labels of tracks by their ids, for those that have any answer. The caller has checked the owners.

    Args:
        vocabularies: of the served models; without them a confirmed label takes no prediction's place in ``by_model``.
    """
    return {track: heard.labels for track, heard in heard_of(session, tracks, vocabularies or {}).items()}


def heard_of(session: Session, tracks: Collection[str], vocabularies: Vocabularies) -> dict[str, Heard]:
    """As ``labels_of``, with the models that have labelled the tracks."""
    if not tracks:
        return {}
    rows = session.execute(_LABELS, {"tracks": list(tracks)})
    return {row.id: Heard(labels_in(row, vocabularies), models_in(row)) for row in rows if row.answers or row.said}


def labels_in(row: Any, vocabularies: Vocabularies) -> TrackLabels:
    """The labels that count for a track, of a row with ``LABEL_COLUMNS``."""
    said = [Annotation(label, LabelState(state), start_s, end_s) for label, state, start_s, end_s in row.said or ()]
    return combined([(model, labels) for model, labels, _ in row.answers or ()], said, vocabularies)


def models_in(row: Any) -> tuple[str, ...]:
    """The models that have labelled a track, the newest first, also those that recognised nothing."""
    return tuple(model for model, *_ in row.answers or ())


def probabilities_in(row: Any, labels: TrackLabels) -> dict[str, float]:
    """By model, how probable the first of its labels is, where it is a predicted one whose probability is known.

    Args:
        labels: those that count for the track, as ``labels_in`` has them of the same row.
    """
    return {
        model: probability
        for model, found, probability in row.answers or ()
        if probability is not None and found and labels.by_model.get(model, [])[:1] == found[:1]
    }


def combined(
    answers: Sequence[tuple[str, list[str]]], said: Sequence[Annotation], vocabularies: Vocabularies
) -> TrackLabels:
    """The labels that count.

    Args:
        answers: models with the labels that they predicted, the newest classification's first.
        said: what the owner confirmed and rejected, in that order.
    """
    confirmed = [each.label for each in said if each.start_s is None and each.state is LabelState.CONFIRMED]
    rejected = [each.label for each in said if each.start_s is None and each.state is LabelState.REJECTED]
    parts = (each.label for each in said if each.start_s is not None and each.state is LabelState.CONFIRMED)
    by_model = {model: _reviewed(model, labels, confirmed, rejected, vocabularies) for model, labels in answers}
    first = next(iter(by_model.values()), [])
    return TrackLabels(
        next(iter((*confirmed, *first)), None),
        {model: labels for model, labels in by_model.items() if labels},
        tuple(confirmed),
        tuple(rejected),
        tuple(dict.fromkeys(label for label in parts if label not in confirmed)),
    )


def predicted_labels(session: Session, track_id: str) -> set[str]:
    """All that models predicted of a track, whatever its owner says of it. The caller has checked the owner."""
    rows = select(TrackLabelsRow.labels).where(TrackLabelsRow.track_id == track_id, TrackLabelsRow.model != OWNERS)
    return {label for labels in session.scalars(rows) for label in labels}


def is_labelled(label: str, model: str | None, vocabularies: Vocabularies) -> ColumnElement[bool]:
    """Whether a row of ``tracks`` has a label, as ``labels_of`` says it: by anybody, or by one model."""
    own = TrackLabelsRow.model == OWNERS
    by_model = and_(~own, ~_said(LabelState.REJECTED, label))
    if rivals := rivals_of(label, vocabularies):
        by_model = and_(by_model, or_(_said(LabelState.CONFIRMED, label), ~_has_rival(rivals)))
    if model is not None:
        by_model = and_(by_model, TrackLabelsRow.model == model)
        knows = model in vocabularies and label in vocabularies[model].labels
        own = and_(own, literal(knows), _said(LabelState.CONFIRMED, label), _was_asked(model))
    found = exists().where(TrackLabelsRow.track_id == TrackRow.id, TrackLabelsRow.labels.contains([label]))
    return found.where(or_(own, by_model))


def rivals_of(label: str, vocabularies: Vocabularies) -> dict[str, list[str]]:
    """The other labels of the models that know a label and have one at a time: confirmed, they take its place."""
    rivals = ((name, each.labels - {label}) for name, each in vocabularies.items() if label in each.labels)
    return {name: sorted(labels) for name, labels in rivals if not vocabularies[name].several}


def count_labels(
    session: Session, owner_id: str, *, cursor: str | None, limit: int
) -> tuple[list[LabelCount], str | None]:
    """A page of all labels of an owner's tracks, in the order of their characters. Raises ``InvalidCursor``."""
    after = "" if cursor is None else text_of(cursor)
    rows = session.execute(_COUNTS, {"owner_id": owner_id, "after": after, "limit": limit + 1}).all()
    counts = [LabelCount(*row) for row in rows[:limit]]
    return counts, text_cursor(counts[-1].label) if len(rows) > limit else None


def _reviewed(
    model: str, labels: Sequence[str], confirmed: Sequence[str], rejected: Sequence[str], vocabularies: Vocabularies
) -> list[str]:
    """The labels of one model that count."""
    vocabulary = vocabularies.get(model)
    known = [label for label in confirmed if vocabulary is not None and label in vocabulary.labels]
    if vocabulary is not None and known and not vocabulary.several:
        return known
    return list(dict.fromkeys((*known, *(label for label in labels if label not in rejected))))


def _said(state: LabelState, label: str) -> ColumnElement[bool]:
    of = AnnotationRow.track_id == TrackLabelsRow.track_id
    return exists().where(of, _WHOLE, AnnotationRow.state == state, AnnotationRow.label == label)


def _has_rival(rivals: Mapping[str, Sequence[str]]) -> ColumnElement[bool]:
    """Whether the owner confirmed another label of the same model, which has one label at a time."""
    known: ColumnElement[bool] = literal(rivals, JSONB).op("->")(TrackLabelsRow.model).bool_op("?")(AnnotationRow.label)
    of = AnnotationRow.track_id == TrackLabelsRow.track_id
    return exists().where(of, _WHOLE, AnnotationRow.state == LabelState.CONFIRMED, known)


def _was_asked(model: str) -> ColumnElement[bool]:
    answer = aliased(TrackLabelsRow)
    return exists().where(answer.track_id == TrackLabelsRow.track_id, answer.model == model)
