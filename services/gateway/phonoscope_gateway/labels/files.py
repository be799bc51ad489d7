"""Labels in files: of one track or of the whole library, written and read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO

from sqlalchemy.orm import Session

from phonoscope.annotations.files import LabelFormat, read_labels, write_jsonl
from phonoscope.annotations.programs import write_audacity, write_raven
from phonoscope.annotations.rows import Exported, Faults, Line, Recording, Written
from phonoscope.annotations.tables import write_csv
from phonoscope.annotations.values import Annotation, check_count
from phonoscope.batches import batched
from phonoscope.contract.labels import ImportReport, LabelAction, LabelState
from phonoscope.db.access.engine import Database
from phonoscope.db.library.annotations import (
    Change,
    LabelledTrack,
    apply_changes,
    exported,
    find_tracks,
    labelled_tracks,
    lock_tracks,
    record_change,
)
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.service.audit import record
from phonoscope.db.service.keys import Caller
from phonoscope.errors import InvalidRequest
from phonoscope.filenames import download_name
from phonoscope_gateway.labels.predicted import predicted_of
from phonoscope_gateway.labels.service import labelled_track
from phonoscope_gateway.state import State

TRACKS_AT_ONCE = 200
"""Tracks whose labels an import has in memory: each may have a thousand."""
_PART = 1_000
"""Labels that are read, and sent, at once."""


@dataclass(frozen=True)
class ImportRequest:
    """How a file is imported.

    Args:
        state: of lines that say none.
        replace: whether the recordings that the file names have no other labels afterwards. Of a format without states
            those of the other state stay.
    """

    format: LabelFormat
    state: LabelState = LabelState.CONFIRMED
    dry_run: bool = False
    replace: bool = False


@dataclass(frozen=True)
class LabelFile:
    """A file with a track's labels, in pieces of text."""

    name: str
    pieces: Iterable[str]

    def parts(self) -> Iterator[str]:
        """Its text in parts of 1,000 pieces: a server sends each one by itself, with a change of threads."""
        pieces = iter(self.pieces)
        while part := "".join(islice(pieces, _PART)):
            yield part


def write_track(
    state: State, caller: Caller, track_id: str, kind: LabelFormat, said: LabelState, *, predicted: bool = False
) -> LabelFile:
    """A track's labels as a file; formats without states have those of the state ``said``. Raises ``NotFound``.

    Args:
        predicted: whether it has what is confirmed and what models predict, in place of what is confirmed and rejected.
    """
    with state.database.transaction() as session:
        labelled = labelled_track(session, caller, track_id)
        own: list[Annotation] = labelled.annotations
        models = predicted_of(session, state.signer_for(caller), track_id, own) if predicted else []
    track = labelled.track
    annotations: list[Written] = [*own, *models]
    if predicted:
        annotations = [each for each in annotations if each.state != LabelState.REJECTED]
    name = download_name(track.shown_filename, f"labels.{kind.ending}")
    rows = [Exported(each, _recording(track)) for each in annotations]
    match kind:
        case LabelFormat.CSV:
            return LabelFile(name, write_csv(rows, predicted=predicted))
        case LabelFormat.JSONL:
            return LabelFile(name, write_jsonl(rows))
        case LabelFormat.AUDACITY:
            of_state = [each for each in annotations if predicted or each.state is said]
            return LabelFile(name, write_audacity(of_state, track.duration_s))
        case LabelFormat.RAVEN:
            return LabelFile(
                name, write_raven(annotations, track.duration_s, track.sample_rate_hz / 2, predicted=predicted)
            )


def write_library(database: Database, owner_id: str, kind: LabelFormat) -> LabelFile:
    """All labels of an owner as a file. It is read part by part while it is sent."""
    rows = _all(database, owner_id)
    pieces = write_jsonl(rows) if kind is LabelFormat.JSONL else write_csv(rows)
    return LabelFile(f"labels.{kind.ending}", pieces)


def import_labels(
    state: State, caller: Caller, file: IO[bytes], asked: ImportRequest, track_id: str | None = None
) -> ImportReport:
    """Imports a file, all of it or nothing.

    Args:
        track_id: the track that all lines are of; without one each line names its own.

    Raises:
        InvalidImport: lines are wrong; the first ones are named.
        NotFound: the track is not this owner's.
    """
    if track_id is not None:
        with state.database.autocommit() as session:
            labelled_track(session, caller, track_id)
    file.seek(0)
    lines = read_labels(file, asked.format, asked.state)

    def body(session: Session) -> ImportReport:
        return _import(session, caller, lines, asked, track_id)

    return state.database.retrying(body)


def _import(
    session: Session, caller: Caller, lines: list[Line], asked: ImportRequest, track_id: str | None
) -> ImportReport:
    faults = Faults()
    by_track = _by_track(session, caller, lines, faults, track_id)
    faults.check()
    counts = Counter[str]()
    # In the order in which they are locked: two imports of the same tracks wait for each other, and never both ways.
    for ids in batched(sorted(by_track), TRACKS_AT_ONCE):
        changes = _changes(session, caller, {id_: by_track[id_] for id_ in ids}, asked, faults)
        if not faults.count and not asked.dry_run:
            apply_changes(session, caller.actor, LabelAction.IMPORTED, changes)
            if track_id is not None:
                record_change(session, caller.actor, LabelAction.IMPORTED, changes[0])
        for change in changes:
            counts.update(_counted(change))
    faults.check()
    if track_id is None and not asked.dry_run and counts["changed_tracks"]:
        said = {"added": counts["new"], "removed": counts["gone"]}
        record(session, caller.actor, "labels.imported", caller.owner_id, tracks=counts["changed_tracks"], **said)
    return _report(lines, len(by_track), counts, dry_run=asked.dry_run)


def _changes(
    session: Session, caller: Caller, by_track: dict[str, list[Line]], asked: ImportRequest, faults: Faults
) -> list[Change]:
    """What lines change of some tracks, which are locked from now on."""
    tracks = labelled_tracks(session, lock_tracks(session, caller.owner_id, by_track))
    return [_change(tracks.get(id_), of_track, asked, faults) for id_, of_track in by_track.items()]


def _by_track(
    session: Session, caller: Caller, lines: list[Line], faults: Faults, track_id: str | None
) -> dict[str, list[Line]]:
    """The lines of each track, by its id."""
    found = find_tracks(session, caller.owner_id, {line.recording for line in lines})
    by_track: dict[str, list[Line]] = {}
    for line in lines:
        ids = found[line.recording]
        if track_id is not None and line.recording == Recording():
            ids = [track_id]
        if why := _unnamed(line.recording, ids, track_id):
            faults.add(line.number, why)
        else:
            by_track.setdefault(track_id or ids[0], []).append(line)
    return by_track


def _unnamed(recording: Recording, ids: list[str], track_id: str | None) -> str | None:
    """Why a line is of no track; ``None`` where it is of one."""
    if track_id is not None:
        return None if track_id in ids else "track_id, sha256, filename: another recording's"
    if recording == Recording():
        return "names no recording: it needs a track_id, a sha256 or a filename"
    if not ids:
        return "track_id, sha256, filename: you have no such recording"
    return f"filename: {len(ids)} recordings have this name; name one by its track_id or sha256" if ids[1:] else None


def _change(labelled: LabelledTrack | None, lines: list[Line], asked: ImportRequest, faults: Faults) -> Change:
    """What the lines change of their track."""
    if labelled is None:
        faults.add(lines[0].number, "the recording was erased just now")
        return Change("", 0)
    said = _placed(labelled, lines, faults)
    kept = {each.key: each for each in labelled.annotations if _stays(each, asked)}
    wanted = kept | said
    try:
        check_count(len(wanted))
    except InvalidRequest as error:
        faults.add(lines[-1].number, error.errors[0]["message"])
    return labelled.change_to(wanted.values())


def _placed(
    labelled: LabelledTrack, lines: list[Line], faults: Faults
) -> dict[tuple[str, float | None, float | None], Annotation]:
    """What the lines say, within the track; each thing once."""
    said: dict[tuple[str, float | None, float | None], tuple[int, Annotation]] = {}
    for line in lines:
        try:
            one = line.annotation.within(labelled.track.duration_s)
        except InvalidRequest as error:
            faults.add(line.number, error.detail)
            continue
        number, first = said.setdefault(one.key, (line.number, one))
        if number != line.number:
            same = "says the same as" if first == one else "contradicts"
            faults.add(line.number, f"{same} line {number}")
    return {key: one for key, (_, one) in said.items()}


def _stays(each: Annotation, asked: ImportRequest) -> bool:
    has_no_states = asked.format is LabelFormat.AUDACITY
    return not asked.replace or (has_no_states and each.state is not asked.state)


def _counted(change: Change) -> Counter[str]:
    """What a change adds, removes and changes; one whose state changes is removed and added."""
    added, removed = {each.key for each in change.added}, {each.key for each in change.removed}
    return Counter(
        changed_tracks=int(change.is_one),
        new=len(change.added),
        gone=len(change.removed),
        added=len(added - removed),
        changed=len(added & removed),
        removed=len(removed - added),
    )


def _report(lines: list[Line], tracks: int, counts: Counter[str], *, dry_run: bool) -> ImportReport:
    return ImportReport(
        dry_run=dry_run,
        labels=len(lines),
        tracks=tracks,
        added=counts["added"],
        changed=counts["changed"],
        removed=counts["removed"],
        unchanged=len(lines) - counts["added"] - counts["changed"],
    )


def _all(database: Database, owner_id: str) -> Iterator[Exported]:
    after = ("", 0)
    while True:
        with database.autocommit() as session:
            rows = exported(session, owner_id, after, _PART)
        for row, track in rows:
            yield Exported(row.annotation, _recording(track))
        if len(rows) < _PART:
            return
        after = rows[-1][0].track_id, rows[-1][0].id


def _recording(track: TrackRow) -> Recording:
    return Recording(track.id, track.sha256, track.filename)
