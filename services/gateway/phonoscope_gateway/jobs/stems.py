"""The stems that a job's tasks will read."""

from __future__ import annotations

from pydantic import ValidationError
from sqlalchemy.orm import Session

from phonoscope.contract import JobRequest
from phonoscope.db.library.results import newest_result
from phonoscope.db.schema.tables import TrackRow
from phonoscope.states import TaskName
from phonoscope.tasks import RequestContext, Separate
from phonoscope.tasks.separate import separator_of, stem_names


def stems_to_read(session: Session, track: TrackRow, request: JobRequest, asked: RequestContext) -> list[str] | None:
    """Those that the job itself makes, else the track's newest; ``None`` when they are not known
    yet, or cannot be read.

    Raises ``InvalidRequest`` when the job's separation cannot make the stem that it names.
    """
    if TaskName.SEPARATE in request.tasks:
        separator = separator_of(request.options.separate, asked.catalogue)
        return None if separator is None else stem_names(request.options.separate, separator.sources)
    found = newest_result(session, track.id, TaskName.SEPARATE, request.options.audio_track)
    if found is None:
        return None
    try:
        return [stem.name for stem in Separate.read_stored(found.body).stems]
    except ValidationError:
        return None
