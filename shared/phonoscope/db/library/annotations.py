"""Labels that owners confirm and reject: the set of each track, and its changes.

Whoever changes a set holds its track's row (``lock_tracks``), several in the order of their ids, from before the set is
read until the commit: changes of one track come one after another, and revisions have no gaps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, any_, delete, func, insert, literal, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session

from phonoscope.annotations.rows import Recording
from phonoscope.annotations.values import Annotation
from phonoscope.db.access.paging import cut, page
from phonoscope.db.schema.annotations import AnnotationRow, LabelChangeRow
from phonoscope.db.schema.tables import TrackLabelsRow, TrackRow
from phonoscope.db.service.audit import Actor, record
from phonoscope.errors import NothingToUndo
from phonoscope.filenames import clean_filename
from phonoscope.ids import new_id
from phonoscope.states import LabelState

Value = TypeVar("Value")
MOST_CHANGES = 200
"""Of each track the newest changes are kept."""
OWNERS = ""
"""The name, in ``track_labels``, of the row that has what the owner confirmed."""

_FORGET = text(
    """
    DELETE FROM label_changes USING unnest(CAST(:ids AS text[]), CAST(:revisions AS integer[])) AS newest (id, revision)
    WHERE label_changes.track_id = newest.id AND label_changes.revision <= newest.revision - :most
    """
)
# Classifiers that are taught again when these labels change; the courier does so once they are quiet.
_NOTE_FOR_CLASSIFIERS = text(
    """
    INSERT INTO classifier_label_changes (classifier_id, changed_at)
    SELECT id, clock_timestamp() FROM classifiers
    WHERE owner_id = :owner_id AND reteach
      AND (spec ->> 'labels' IS NULL OR spec -> 'labels' ?| CAST(:labels AS text[]))
    ORDER BY id
    ON CONFLICT (classifier_id) DO UPDATE SET changed_at = excluded.changed_at
    """
)
_KEEP_CONFIRMED = text(
    """
    INSERT INTO track_labels (track_id, model, position, labels, finished_at)
    SELECT track_id, '', 0, array_agg(label ORDER BY first), now()
    FROM (SELECT track_id, label, min(id) AS first FROM annotations
          WHERE track_id = ANY(CAST(:ids AS text[])) AND state = 'confirmed' GROUP BY track_id, label) AS confirmed
    GROUP BY track_id ORDER BY track_id
    """
)


@dataclass(frozen=True)
class Change:
    """What changes in a track's set; an annotation whose state changes is removed and added."""

    track_id: str
    revision: int
    """Of the set before."""
    added: Sequence[Annotation] = ()
    removed: Sequence[Annotation] = ()
    removed_ids: Sequence[int] = ()

    @property
    def is_one(self) -> bool:
        return bool(self.added or self.removed)


@dataclass(frozen=True)
class LabelledTrack:
    """A track's set as it is."""

    track: TrackRow
    revision: int
    rows: Sequence[AnnotationRow] = field(default_factory=list)

    @property
    def annotations(self) -> list[Annotation]:
        return [row.annotation for row in self.rows]

    def change_to(self, wanted: Iterable[Annotation]) -> Change:
        """What changes where these are the whole set. They are within the track, and each span has one state."""
        kept = {row.annotation for row in self.rows}
        new = list(wanted)
        added = [each for each in new if each not in kept]
        wanted_now = set(new)
        gone = [row for row in self.rows if row.annotation not in wanted_now]
        return Change(self.track.id, self.revision, added, [row.annotation for row in gone], [row.id for row in gone])


def among(column: InstrumentedAttribute[Value], values: Collection[Value]) -> ColumnElement[bool]:
    """Whether a column's value is one of many: one parameter, however many they are."""
    return column == any_(literal(list(values), ARRAY(column.type)))


def lock_tracks(session: Session, owner_id: str, track_ids: Collection[str]) -> dict[str, TrackRow]:
    """The owner's tracks with these ids, whose sets nobody else changes before the commit.

    They are locked in the order of their ids' characters, which is that of ``sorted``: whoever locks several parts of
    tracks one after another takes them in that order.
    """
    rows = session.scalars(
        select(TrackRow)
        .where(TrackRow.owner_id == owner_id, among(TrackRow.id, track_ids))
        .order_by(TrackRow.id.collate("C"))
        .with_for_update(key_share=True)
    )
    return {row.id: row for row in rows}


def labelled_tracks(session: Session, tracks: Mapping[str, TrackRow]) -> dict[str, LabelledTrack]:
    """The sets of tracks, by their ids; in each set what is of the whole track first. The caller checked the owner."""
    newest = select(LabelChangeRow.track_id, func.max(LabelChangeRow.revision)).group_by(LabelChangeRow.track_id)
    found = session.execute(newest.where(among(LabelChangeRow.track_id, tracks)))
    revisions = {track_id: revision for track_id, revision in found}  # noqa: C416 - rows are no tuples to mypy
    rows: dict[str, list[AnnotationRow]] = defaultdict(list)
    for row in session.scalars(
        select(AnnotationRow)
        .where(among(AnnotationRow.track_id, tracks))
        .order_by(AnnotationRow.start_s.nulls_first(), AnnotationRow.end_s.nulls_first(), AnnotationRow.id)
    ):
        rows[row.track_id].append(row)
    return {id_: LabelledTrack(track, revisions.get(id_, 0), rows[id_]) for id_, track in tracks.items()}


def apply_changes(session: Session, actor: Actor, action: str, changes: Sequence[Change]) -> None:
    """Writes changes of tracks that are locked: the sets, their history, and the labels by which tracks are found."""
    made = [change for change in changes if change.is_one]
    if not made:
        return
    gone = [id_ for change in made for id_ in change.removed_ids]
    new = [_row(actor, change.track_id, each) for change in made for each in change.added]
    connection = session.connection()
    if gone:
        connection.execute(delete(AnnotationRow).where(among(AnnotationRow.id, gone)))
    if new:
        connection.execute(insert(AnnotationRow), new)
    connection.execute(insert(LabelChangeRow), [_history(actor, action, change) for change in made])
    ids = [change.track_id for change in made]
    revisions = [change.revision + 1 for change in made]
    connection.execute(_FORGET, {"ids": ids, "revisions": revisions, "most": MOST_CHANGES})
    connection.execute(
        delete(TrackLabelsRow).where(among(TrackLabelsRow.track_id, ids), TrackLabelsRow.model == OWNERS)
    )
    connection.execute(_KEEP_CONFIRMED, {"ids": ids})
    labels = {each.label for change in made for each in (*change.added, *change.removed)}
    connection.execute(_NOTE_FOR_CLASSIFIERS, {"owner_id": actor.owner_id, "labels": sorted(labels)})
    session.expire_all()


def record_change(session: Session, actor: Actor, action: str, change: Change) -> None:
    """Notes a change of one track in the audit log, unless nothing changes."""
    if change.is_one:
        counts = {"added": len(change.added), "removed": len(change.removed)}
        record(session, actor, "labels.changed", change.track_id, how=action, revision=change.revision + 1, **counts)


def undone(session: Session, labelled: LabelledTrack) -> Change:
    """The change that makes the set what it was before its last change. Raises ``NothingToUndo``."""
    of = LabelChangeRow.track_id == labelled.track.id
    last = session.scalar(select(LabelChangeRow).where(of, LabelChangeRow.revision == labelled.revision))
    if last is None:
        raise NothingToUndo("the track's labels were never changed")
    added = {_annotation(each) for each in last.added}
    kept = [each for each in labelled.annotations if each not in added]
    return labelled.change_to([*kept, *map(_annotation, last.removed)])


def revision_of(session: Session, track_id: str) -> int:
    """How often a track's set was changed. The caller has checked the owner."""
    newest = select(func.max(LabelChangeRow.revision)).where(LabelChangeRow.track_id == track_id)
    return session.scalar(newest) or 0


def exported(
    session: Session, owner_id: str, after: tuple[str, int], limit: int
) -> Sequence[tuple[AnnotationRow, TrackRow]]:
    """A part of all that an owner confirmed and rejected, by track, after the row with this track and id."""
    statement = (
        select(AnnotationRow, TrackRow)
        .join(TrackRow, TrackRow.id == AnnotationRow.track_id)
        .where(AnnotationRow.owner_id == owner_id, tuple_(AnnotationRow.track_id, AnnotationRow.id) > after)
        .order_by(AnnotationRow.track_id, AnnotationRow.id)
    )
    return [(row, track) for row, track in session.execute(statement.limit(limit))]


def find_tracks(session: Session, owner_id: str, recordings: Collection[Recording]) -> dict[Recording, list[str]]:
    """The ids of the owner's tracks that each one names: by the first of id, SHA-256 and file name that is known."""
    found: dict[Recording, list[str]] = {each: [] for each in recordings}
    for column, name in _NAMES:
        wanted = {name(each) for each, ids in found.items() if not ids} - {""}
        known: dict[str, list[str]] = defaultdict(list)
        statement = select(column, TrackRow.id).where(TrackRow.owner_id == owner_id, among(column, wanted))
        for value, id_ in session.execute(statement) if wanted else ():
            known[value].append(id_)
        found = {each: ids or known.get(name(each), []) for each, ids in found.items()}
    return found


def list_changes(
    session: Session, track_id: str, *, cursor: str | None, limit: int
) -> tuple[list[LabelChangeRow], str | None]:
    """A page of a track's changes, newest first. The caller has checked the owner. Raises ``InvalidCursor``."""
    statement = select(LabelChangeRow).where(LabelChangeRow.track_id == track_id)
    ordered = page(statement, LabelChangeRow.created_at, LabelChangeRow.id, cursor=cursor, limit=limit)
    return cut(session.scalars(ordered).all(), limit)


_NAMES: tuple[tuple[InstrumentedAttribute[str], Callable[[Recording], str]], ...] = (
    (TrackRow.id, lambda each: each.track_id),
    (TrackRow.sha256, lambda each: each.sha256.lower()),
    (TrackRow.filename, lambda each: clean_filename(each.filename) if each.filename else ""),
)


def _row(actor: Actor, track_id: str, said: Annotation) -> dict[str, Any]:
    return {"track_id": track_id, "owner_id": actor.owner_id, "key_id": actor.key_id} | _values(said)


def _history(actor: Actor, action: str, change: Change) -> dict[str, Any]:
    return {
        "id": new_id("lch"),
        "track_id": change.track_id,
        "owner_id": actor.owner_id,
        "key_id": actor.key_id,
        "revision": change.revision + 1,
        "action": action,
        "added": [_values(each) for each in change.added],
        "removed": [_values(each) for each in change.removed],
    }


def _values(said: Annotation) -> dict[str, Any]:
    return {"label": said.label, "state": said.state, "start_s": said.start_s, "end_s": said.end_s}


def _annotation(kept: Mapping[str, Any]) -> Annotation:
    return Annotation(kept["label"], LabelState(kept["state"]), kept["start_s"], kept["end_s"])
