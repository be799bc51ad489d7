"""An upload that comes in pieces, as its client sees it."""

from __future__ import annotations

from email.utils import format_datetime

from phonoscope.contract import PendingUpload, Problem
from phonoscope.db.schema.uploads import UploadRow


def describe_upload(row: UploadRow) -> PendingUpload:
    """The upload as JSON says it."""
    kept = row.problem and Problem.model_validate({**row.problem, "instance": f"/v1/uploads/{row.id}"})
    return PendingUpload(
        id=row.id,
        status=row.status,
        filename=row.filename,
        size_bytes=row.size_bytes,
        offset_bytes=row.offset_bytes,
        sha256=row.sha256,
        part_bytes=row.part_bytes,
        track_id=row.track_id,
        job_id=row.job_id,
        problem=kept,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def headers_of(row: UploadRow) -> dict[str, str]:
    """The same, as the headers of tus say it, and what the upload has become."""
    found = {
        "Upload-Offset": str(row.offset_bytes),
        "Upload-Length": str(row.size_bytes),
        "Upload-Expires": format_datetime(row.expires_at, usegmt=True),
        "Upload-Metadata": row.said,
        "Phonoscope-Track": row.track_id,
        "Phonoscope-Job": row.job_id,
    }
    return {name: value for name, value in found.items() if value}
