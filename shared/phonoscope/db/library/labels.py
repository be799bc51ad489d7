"""The labels that count for tracks: what owners confirmed before what models predicted, without what they rejected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, exists, literal, or_, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, aliased

from phonoscope.annotations.values import Annotation
from phonoscope.catalogue import Vocabularies
from phonoscope.db.access.paging import text_cursor, text_of
from phonoscope.db.library.annotations import OWNERS, among
from phonoscope.db.schema.annotations import AnnotationRow
from phonoscope.db.schema.tables import TrackLabelsRow, TrackRow
from phonoscope.states import LabelState

_WHOLE = AnnotationRow.start_s.is_(None)
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
    if not tracks:
        return {}
    answers: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
    for track_id, model, labels in session.execute(
        select(TrackLabelsRow.track_id, TrackLabelsRow.model, TrackLabelsRow.labels)
        .where(among(TrackLabelsRow.track_id, tracks), TrackLabelsRow.model != OWNERS)
        .order_by(TrackLabelsRow.finished_at.desc(), TrackLabelsRow.position, TrackLabelsRow.model)
    ):
        answers[track_id].append((model, labels))
    said: dict[str, list[Annotation]] = defaultdict(list)
    statement = select(AnnotationRow).where(among(AnnotationRow.track_id, tracks)).order_by(AnnotationRow.id)
    for row in session.scalars(statement):
        said[row.track_id].append(row.annotation)
    return {each: combined(answers[each], said[each], vocabularies or {}) for each in {*answers, *said}}


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


def models_of(session: Session, tracks: Collection[str]) -> dict[str, list[str]]:
    """The models that have classified tracks, by their ids: newest first, also those that recognised nothing."""
    if not tracks:
        return {}
    found: dict[str, list[str]] = defaultdict(list)
    for track_id, model in session.execute(
        select(TrackLabelsRow.track_id, TrackLabelsRow.model)
        .where(among(TrackLabelsRow.track_id, tracks), TrackLabelsRow.model != OWNERS)
        .order_by(TrackLabelsRow.finished_at.desc(), TrackLabelsRow.position, TrackLabelsRow.model)
    ):
        found[track_id].append(model)
    return found


def predicted_labels(session: Session, track_id: str) -> set[str]:
    """All that models predicted of a track, whatever its owner says of it. The caller has checked the owner."""
    rows = select(TrackLabelsRow.labels).where(TrackLabelsRow.track_id == track_id, TrackLabelsRow.model != OWNERS)
    return {label for labels in session.scalars(rows) for label in labels}


def is_labelled(label: str, model: str | None, vocabularies: Vocabularies) -> ColumnElement[bool]:
    """Whether a row of ``tracks`` has a label, as ``labels_of`` says it: by anybody, or by one model."""
    own = TrackLabelsRow.model == OWNERS
    by_model = and_(~own, ~_said(LabelState.REJECTED, label))
    rivals = {
        name: sorted(each.labels - {label})
        for name, each in vocabularies.items()
        if not each.several and label in each.labels
    }
    if rivals:
        by_model = and_(by_model, or_(_said(LabelState.CONFIRMED, label), ~_has_rival(rivals)))
    if model is not None:
        by_model = and_(by_model, TrackLabelsRow.model == model)
        knows = model in vocabularies and label in vocabularies[model].labels
        own = and_(own, literal(knows), _said(LabelState.CONFIRMED, label), _was_asked(model))
    found = exists().where(TrackLabelsRow.track_id == TrackRow.id, TrackLabelsRow.labels.contains([label]))
    return found.where(or_(own, by_model))


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
