"""Uploads that go on where they were cut, by the tus protocol."""

from __future__ import annotations

import hashlib
import os
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from errno import EINVAL
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeAlias

import httpx

from phonoscope.client.connection import ApiError, Connection, Unreachable
from phonoscope.client.recordings import open_recording
from phonoscope.contract.uploads import PendingUpload, PendingUploads
from phonoscope.filenames import filename_of

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes that were sent, and with those of the whole."""
RESUMABLE_BYTES = 64 << 20
"""Larger recordings are sent so, unless the caller says otherwise."""
TRACK, JOB = "Phonoscope-Track", "Phonoscope-Job"
_PATH = "/v1/uploads"
_TUS = {"Tus-Resumable": "1.0.0"}
_CHUNK_BYTES = 1 << 20
_LONGEST_METADATA = 32_000


class UploadCalls(Connection):
    """The calls about uploads that come in pieces."""

    def open_uploads(self, sha256: str | None = None) -> list[PendingUpload]:
        """Unfinished uploads, the newest first; with ``sha256`` those of these bytes alone."""
        params = {} if sha256 is None else {"sha256": sha256}
        return self._ask(PendingUploads, "GET", _PATH, params=params).items

    def pending_upload(self, upload_id: str) -> PendingUpload:
        return self._ask(PendingUpload, "GET", f"{_PATH}/{upload_id}")

    def delete_upload(self, upload_id: str) -> None:
        """Gives an upload up; the track that it has become stays."""
        self._send("DELETE", f"{_PATH}/{upload_id}")

    def _in_pieces(self, path: Path, fields: Mapping[str, str], on_progress: Progress) -> Mapping[str, str]:
        """Sends a recording; returns the headers that name the track, and the job if ``fields`` ask for one.

        After a cut it goes on where it was, also where another process began it with the same fields.
        """
        with open_recording(path) as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            said = _metadata({"filename": filename_of(path), "sha256": sha256, **fields})
            size_bytes = os.fstat(file.fileno()).st_size
            begin = partial(self._begin, size_bytes, sha256, said)
            return self._sent(file, size_bytes, begin, on_progress)

    def _begun_before(self, sha256: str, said: str) -> str | None:
        for upload in self.open_uploads(sha256):
            if upload.part_bytes is None:
                found = self._send("HEAD", f"{_PATH}/tus/{upload.id}", headers=_TUS)
                if found.headers.get("Upload-Metadata") == said:
                    return f"{_PATH}/tus/{upload.id}"
        return None

    def _begin(self, size_bytes: int, sha256: str, said: str) -> str:
        """The address of the upload: of one that was begun before, also by a request whose answer was lost."""
        before = self._begun_before(sha256, said)
        if before is not None:
            return before
        headers = _TUS | {"Upload-Length": str(size_bytes), "Upload-Metadata": said}
        return self._address(self._send("POST", f"{_PATH}/tus", headers=headers).headers["Location"])

    def _sent(
        self, file: BinaryIO, size_bytes: int, begin: Callable[[], str], on_progress: Progress
    ) -> Mapping[str, str]:
        address, offset, failures, since = "", -1, 0, time.monotonic()
        while True:
            try:
                address = address or begin()
                kept = self._send("HEAD", address, headers=_TUS).headers
                if TRACK in kept:
                    return kept
                if int(kept["Upload-Offset"]) > offset:
                    offset, failures, since = int(kept["Upload-Offset"]), 0, time.monotonic()
                return self._append(file, offset, size_bytes, address, on_progress)
            except (ApiError, Unreachable) as error:
                failures += 1
                # A request that was cut off may have kept more after it was asked for its offset.
                moved = getattr(error, "code", "") == "offset_conflict" and self._retry.allows(failures)
                if not (moved or self._is_repeatable(error, failures, time.monotonic() - since)):
                    raise
                time.sleep(self._retry.pause_s(failures, getattr(error, "retry_in_s", 0.0)))

    def _append(
        self, file: BinaryIO, offset: int, size_bytes: int, address: str, on_progress: Progress
    ) -> httpx.Headers:
        headers = _TUS | {
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(size_bytes - offset),
            "Upload-Offset": str(offset),
        }
        content = _rest(file, offset, size_bytes, on_progress)
        return self._send("PATCH", address, headers=headers, content=content).headers


def goes_in_pieces(path: Path, fields: Mapping[str, str], *, resumable: bool | None, has_key: bool) -> bool:
    """Whether a recording is sent in pieces: as the caller says, else by its size.

    Args:
        has_key: whether the caller gave an idempotency key, which only a request that is sent whole has.

    Raises ``ValueError`` for what cannot be sent so, ``OSError`` where there is no file.
    """
    fits = sum(map(len, fields.values())) <= _LONGEST_METADATA
    if resumable and (has_key or not fits):
        raise ValueError("a resumable upload takes no idempotency key, and 32,000 characters beside the recording")
    return bool(resumable) or (resumable is None and not has_key and fits and path.stat().st_size > RESUMABLE_BYTES)


def _metadata(values: Mapping[str, str]) -> str:
    return ",".join(f"{name} {b64encode(value.encode()).decode()}".strip() for name, value in values.items())


def _rest(file: BinaryIO, offset: int, size_bytes: int, on_progress: Progress) -> Iterator[bytes]:
    file.seek(offset)
    while chunk := file.read(min(_CHUNK_BYTES, size_bytes - offset)):
        yield chunk
        offset += len(chunk)
        on_progress(offset, size_bytes)
    if offset < size_bytes:
        raise OSError(EINVAL, "The file became shorter while it was sent")
