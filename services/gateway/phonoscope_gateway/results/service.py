"""Rules for a track's results: which are the newest, their links, and their entity tag."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from time import time

from sqlalchemy.orm import Session

from phonoscope import __version__
from phonoscope.contract import TrackResult, TrackResults
from phonoscope.db.library.annotations import revision_of
from phonoscope.db.library.jobs import get_job
from phonoscope.db.library.labels import NO_LABELS, labels_of
from phonoscope.db.library.results import track_results, track_state
from phonoscope.db.library.tracks import get_track
from phonoscope.db.schema.tables import TrackResultRow
from phonoscope.db.service.keys import Caller
from phonoscope.errors import OutdatedResult
from phonoscope.states import TaskName
from phonoscope.tasks import TASKS
from phonoscope.tasks.spec import TaskResult
from phonoscope_gateway.jobs.results import read_result
from phonoscope_gateway.jobs.view import results_of
from phonoscope_gateway.signing import Signer
from phonoscope_gateway.state import State


def read_results(state: State, caller: Caller, track_id: str, known: str | None) -> tuple[str, TrackResults | None]:
    """The entity tag of a track's results, and the results unless the client has them.

    Args:
        known: the entity tags that the client has, as in ``If-None-Match``.

    Raises ``NotFound`` when the track is not this owner's.
    """
    now_s = time()
    with state.database.autocommit() as session:
        signer = state.signer_for(caller).of(get_track(session, caller.owner_id, track_id).link_key)
        etag = entity_tag(signer, track_state(session, track_id), revision_of(session, track_id), now_s)
        if known is not None and etag in known:
            return etag, None
        # A result that was added since then belongs to another tag, and so does a label.
        revision, rows = revision_of(session, track_id), track_results(session, track_id)
        items = [_describe(signer, session, caller.owner_id, row) for row in rows]
    return entity_tag(signer, rows, revision, now_s), TrackResults(track_id=track_id, items=items)


def entity_tag(signer: Signer, rows: Sequence[TrackResultRow], revision: int, now_s: float) -> str:
    """The entity tag of an answer with these results.

    It changes with them, with the owner's labels, by which descriptions are compared, with the release that renders
    them, and with the links' period: an answer that is confirmed by its tag holds links that are good for at least
    three quarters of their time, and were not revoked.
    """
    facts = [[row.task, row.model, row.variant, row.task_id, row.finished_at.isoformat()] for row in rows]
    text = json.dumps(
        [__version__, signer.period(now_s), signer.link_key, signer.key_id, signer.root_path, revision, facts]
    )
    return f'"{hashlib.sha256(text.encode()).hexdigest()}"'


def _describe(signer: Signer, session: Session, owner_id: str, row: TrackResultRow) -> TrackResult:
    found = _read(signer, session, owner_id, row)
    outdated = found if isinstance(found, OutdatedResult) else None
    return TrackResult(
        task=row.task,
        model=row.model or None,
        digest=row.digest,
        audio_track=row.audio_track,
        variant=row.own_variant or None,
        job_id=row.job_id,
        task_id=row.task_id,
        finished_at=row.finished_at,
        result=None if outdated else found,
        error=outdated.as_problem() if outdated else None,
    )


def _read(signer: Signer, session: Session, owner_id: str, row: TrackResultRow) -> TaskResult | OutdatedResult:
    if row.task is TaskName.DESCRIBE:
        job = get_job(session, owner_id, row.job_id)
        labels = NO_LABELS
        if row.audio_track is None:
            labels = labels_of(session, {row.track_id}).get(row.track_id, NO_LABELS)
        return results_of(signer, job, labels)[row.task]
    try:
        result: TaskResult = read_result(signer, TASKS[row.task], row.body)
    except OutdatedResult as error:
        return error
    return result
