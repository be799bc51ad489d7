"""S3's multipart uploads: parts that clients send to the store themselves become one object.

``minio`` has these calls for its own use alone; its release is pinned below the next major one.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from minio.datatypes import Part

from phonoscope.errors import NotFound
from phonoscope.storage.transport import translated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minio import Minio

_PAGE = 1000


@dataclass(frozen=True)
class StoredPart:
    """A part that the store has: its number from 1, its bytes, and the store's tag for them."""

    number: int
    size_bytes: int
    etag: str


class MultipartUploads:
    """The multipart uploads of a bucket.

    Args:
        client: by which this process reaches the store.
        public: by which clients do.
    """

    def __init__(self, bucket: str, client: Minio, public: Minio) -> None:
        self._bucket = bucket
        self._client = client
        self._public = public

    def create(self, key: str, media_type: str) -> str:
        """Begins an upload of an object, and returns its identifier. Raises ``StoreUnavailable``."""
        with translated(key):
            return self._client._create_multipart_upload(self._bucket, key, {"Content-Type": media_type})

    def link(self, key: str, multipart_id: str, number: int, expires_s: int) -> str:
        """A URL to which anybody can send a part by ``PUT`` for a time."""
        asked: dict[str, Any] = {"uploadId": multipart_id, "partNumber": str(number)}
        return self._public.get_presigned_url(
            "PUT", self._bucket, key, timedelta(seconds=expires_s), extra_query_params=asked
        )

    def parts(self, key: str, multipart_id: str) -> Iterator[StoredPart]:
        """The parts that the store has, by their numbers; of one sent twice the last.

        Raises ``NotFound`` when there is no such upload (any more), or ``StoreUnavailable``.
        """
        marker: str | None = None
        while True:
            with translated(key):
                page = self._client._list_parts(self._bucket, key, multipart_id, _PAGE, marker)
            for part in page.parts:
                yield StoredPart(part.part_number, part.size or 0, part.etag.strip('"'))
            marker = page.next_part_number_marker
            if not page.is_truncated or not marker:
                return

    def unfinished(self, key: str) -> list[str]:
        """The identifiers of an object's uploads that are neither complete nor aborted. Raises ``StoreUnavailable``."""
        # Some stores answer so where they have none.
        with suppress(NotFound), translated(key):
            found = self._client._list_multipart_uploads(self._bucket, prefix=key).uploads
            return [each.upload_id for each in found if each.object_name == key and each.upload_id]
        return []

    def complete(self, key: str, multipart_id: str, parts: Sequence[StoredPart]) -> None:
        """Makes the parts one object. Raises ``NotFound`` or ``StoreUnavailable``."""
        with translated(key):
            self._client._complete_multipart_upload(
                self._bucket, key, multipart_id, [Part(part.number, part.etag) for part in parts]
            )

    def abort(self, key: str, multipart_id: str) -> None:
        """Erases the parts; those already gone are no error. Raises ``StoreUnavailable``."""
        with suppress(NotFound), translated(key):
            self._client._abort_multipart_upload(self._bucket, key, multipart_id)
