"""Rules for a track's results: what is newest, how it is linked, and when an answer is still good."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from time import time
from typing import Any

from sqlalchemy.orm import Session

from phonoscope import __version__
from phonoscope.contract import TrackResult, TrackResults
from phonoscope.db.library.jobs import get_job
from phonoscope.db.library.results import NO_LABELS, labels_of, track_results, track_state
from phonoscope.db.library.tracks import get_track
from phonoscope.db.schema.tables import TrackResultRow
from phonoscope.states import TaskName
from phonoscope_gateway.jobs.reference import reference
from phonoscope_gateway.signing import Signer
from phonoscope_gateway.state import State


def read_results(state: State, owner_id: str, track_id: str, known: str | None) -> tuple[str, TrackResults | None]:
    """The entity tag of a track's results, and the results unless the client has them.

    Args:
        known: the entity tags that the client has, as ``If-None-Match`` gives them.

    Raises ``NotFound`` when the track is not this owner's.
    """
    now_s = time()
    with state.database.single() as session:
        get_track(session, owner_id, track_id)
        etag = entity_tag(state.signer, track_state(session, track_id), now_s)
        if known is not None and etag in known:
            return etag, None
        # A result that has come since then belongs under another tag.
        rows = track_results(session, track_id)
        items = [_describe(state.signer, session, owner_id, row, now_s) for row in rows]
    return entity_tag(state.signer, rows, now_s), TrackResults(track_id=track_id, items=items)


def entity_tag(signer: Signer, rows: Sequence[TrackResultRow], now_s: float) -> str:
    """The entity tag of an answer with these results.

    It changes with them, with the release that renders them, and with the links' period: an answer that is confirmed
    by its tag holds links that are good for at least three quarters of their time.
    """
    facts = [[row.task, row.model, row.variant, row.task_id, row.finished_at.isoformat()] for row in rows]
    text = json.dumps([__version__, signer.period(now_s), facts])
    return f'"{hashlib.sha256(text.encode()).hexdigest()}"'


def _describe(signer: Signer, session: Session, owner_id: str, row: TrackResultRow, now_s: float) -> TrackResult:
    return TrackResult(
        task=row.task,
        model=row.model or None,
        digest=row.digest,
        variant=row.variant or None,
        job_id=row.job_id,
        task_id=row.task_id,
        finished_at=row.finished_at,
        result=signer.rendered(_body(session, owner_id, row), now_s),
    )


def _body(session: Session, owner_id: str, row: TrackResultRow) -> dict[str, Any]:
    if row.task is not TaskName.DESCRIBE:
        return row.body
    job = get_job(session, owner_id, row.job_id)
    labels = labels_of(session, {row.track_id}).get(row.track_id, NO_LABELS)
    return {**row.body, "reference": reference(job, row.body, labels.by_model.values())}
