"""Rules for the labels of one track: every change is made under the track's lock, as a new revision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from phonoscope.annotations.values import Annotation, LabelRequest, check_count, check_together
from phonoscope.contract.labels import KeptLabel, LabelAction, LabelSet, PlacedLabel
from phonoscope.db.library.annotations import (
    Change,
    LabelledTrack,
    apply_changes,
    labelled_tracks,
    lock_tracks,
    record_change,
    undone,
)
from phonoscope.db.library.labels import predicted_labels
from phonoscope.db.library.tracks import get_track
from phonoscope.db.service.keys import Caller
from phonoscope.errors import InvalidRequest, NotFound
from phonoscope_gateway.preconditions import check_match
from phonoscope_gateway.state import State


def read_set(state: State, caller: Caller, track_id: str) -> LabelSet:
    """Raises ``NotFound``."""
    with state.database.transaction() as session:
        return _describe(session, labelled_track(session, caller, track_id))


def replace_set(
    state: State, caller: Caller, track_id: str, wanted: Iterable[LabelRequest], if_match: str | None
) -> LabelSet:
    """Makes these the whole set. Raises as ``change_set`` does, and ``ContradictoryLabels``."""

    def change(_: Session, labelled: LabelledTrack) -> Change:
        placed = [_placed(labelled, each, f"labels.{at}.") for at, each in enumerate(wanted)]
        check_together(placed)
        return labelled.change_to(placed)

    return change_set(state, caller, track_id, LabelAction.REPLACED, change, if_match)


def say_one(state: State, caller: Caller, track_id: str, said: LabelRequest, if_match: str | None) -> LabelSet:
    """Confirms or rejects one label. Raises as ``change_set`` does."""

    def change(_: Session, labelled: LabelledTrack) -> Change:
        one = _placed(labelled, said)
        kept = [each for each in labelled.annotations if each.key != one.key]
        check_count(len(kept) + 1)
        return labelled.change_to([*kept, one])

    return change_set(state, caller, track_id, LabelAction.SAID, change, if_match)


def undo(state: State, caller: Caller, track_id: str, if_match: str | None) -> LabelSet:
    """Undoes the last change. Raises as ``change_set`` does, and ``NothingToUndo``."""
    return change_set(state, caller, track_id, LabelAction.UNDONE, undone, if_match)


def change_set(
    state: State,
    caller: Caller,
    track_id: str,
    action: LabelAction,
    change: Callable[[Session, LabelledTrack], Change],
    if_match: str | None,
) -> LabelSet:
    """Changes a track's set; where nothing changes there is no new revision.

    Args:
        if_match: the entity tags of which one must be the set's, as in ``If-Match``.

    Raises:
        NotFound: the track is not this owner's.
        PreconditionFailed: another change came first.
        InvalidRequest: a label is not within the recording, or the header is not valid.
        TooManyLabels: the track would have too many.
    """

    def body(session: Session) -> LabelSet:
        labelled = labelled_track(session, caller, track_id, to_change=True)
        check_match(if_match, labelled.revision, "the labels have")
        made = change(session, labelled)
        apply_changes(session, caller.actor, action, [made])
        record_change(session, caller.actor, action, made)
        return _describe(session, labelled_track(session, caller, track_id))

    return state.database.retrying(body)


def labelled_track(session: Session, caller: Caller, track_id: str, *, to_change: bool = False) -> LabelledTrack:
    """The owner's track with its set. Raises ``NotFound``.

    Args:
        to_change: whether nobody else may change the set before the transaction ends.
    """
    if to_change:
        tracks = lock_tracks(session, caller.owner_id, [track_id])
        if not tracks:
            raise NotFound(f"no track {track_id!r}")
    else:
        tracks = {track_id: get_track(session, caller.owner_id, track_id)}
    return labelled_tracks(session, tracks)[track_id]


@contextmanager
def located(prefix: str) -> Iterator[None]:
    """Puts a prefix before the fields that an ``InvalidRequest`` names."""
    try:
        yield
    except InvalidRequest as error:
        first = error.errors[0]
        raise type(error).field(prefix + first["field"], first["message"]) from error


def _placed(labelled: LabelledTrack, said: LabelRequest, prefix: str = "") -> Annotation:
    with located(prefix):
        return said.annotation.within(labelled.track.duration_s)


def _describe(session: Session, labelled: LabelledTrack) -> LabelSet:
    predicted = predicted_labels(session, labelled.track.id)
    labels = [
        KeptLabel(
            **PlacedLabel.model_validate(row).model_dump(),
            predicted=row.label in predicted,
            changed_at=row.changed_at,
            key_id=row.key_id,
        )
        for row in labelled.rows
    ]
    return LabelSet(track_id=labelled.track.id, revision=labelled.revision, labels=labels)
