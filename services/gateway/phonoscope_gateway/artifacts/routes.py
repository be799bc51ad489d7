"""The call under ``/v1/artifacts``."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from phonoscope.db.library.artifacts import get_artifact
from phonoscope.filenames import download_name
from phonoscope_gateway.links import LinkRequestDep
from phonoscope_gateway.signing import artifact_path
from phonoscope_gateway.state import StateDep
from phonoscope_gateway.streaming import ObjectRequestDep, StoredObject, object_responses, send_object

router = APIRouter(prefix="/v1/artifacts", tags=["artifacts"])


@router.get("/{artifact_id}", response_class=StreamingResponse, responses=object_responses("*/*"))
def read_artifact(
    artifact_id: str,
    state: StateDep,
    asked: ObjectRequestDep,
    link: LinkRequestDep,
) -> Response:
    """What a task made, by the link that a job's result holds. Needs no key; the link is good for a time."""
    left_s = link.check(state.signer, artifact_path(artifact_id))
    with state.database.autocommit() as session:
        row, track = get_artifact(session, artifact_id)
        link.check_revocation(session, track.link_key)
    return send_object(
        state.store,
        StoredObject(
            key=row.object_key,
            size_bytes=row.size_bytes,
            media_type=row.media_type,
            tag=row.id,
            filename=download_name(track.shown_filename, row.object_key.rpartition("/")[2]),
            cache_control=link.cache_control(left_s),
            link_s=left_s,
        ),
        asked,
    )
