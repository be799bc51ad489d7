"""One bucket of an S3 server: put, read with ranges, list, delete, links; only plain S3 calls are used."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from time import perf_counter
from typing import IO, TYPE_CHECKING, BinaryIO, cast
from urllib.parse import urlsplit

from minio import Minio
from minio.datatypes import Object
from minio.deleteobjects import DeleteObject
from urllib3 import BaseHTTPResponse

from phonoscope import __version__
from phonoscope.errors import StoreUnavailable
from phonoscope.metrics import recorder
from phonoscope.storage.multipart import MultipartUploads
from phonoscope.storage.transport import HttpClient, refusal, translated
from phonoscope.traces import current_span

if TYPE_CHECKING:
    from phonoscope.settings import Settings

_CHUNK_BYTES = 256 << 10
_ONE_REQUEST_BYTES = 8 << 20
_PART_BYTES = 5 << 20
_PAGE = 1000
LONGEST_LINK_S = 7 * 24 * 3600


@dataclass(frozen=True)
class StoredRange:
    """The bytes of an object while they are read: ``chunks`` must be read to the end or closed."""

    chunks: Generator[bytes, None, None]
    length: int


class ObjectStore:
    """One bucket of an S3 server. Threads may share it; processes may not, so make it after a fork."""

    def __init__(self, settings: Settings) -> None:
        self.bucket = settings.s3_bucket
        http = HttpClient()
        self._client = _client(settings.s3_endpoint_url, settings, http)
        self._public = _client(settings.s3_public_endpoint_url or settings.s3_endpoint_url, settings, http)
        self.has_public_address = bool(settings.s3_public_endpoint_url)
        self.multipart = MultipartUploads(self.bucket, self._client, self._public)

    def ensure_bucket(self) -> None:
        """Makes the bucket when it is absent. Raises ``StoreUnavailable``."""
        with translated(self.bucket):
            if not self._client.bucket_exists(self.bucket):
                self._client.make_bucket(self.bucket)

    def ping(self) -> None:
        """Raises ``StoreUnavailable``, also when the bucket is missing."""
        with translated(self.bucket):
            found = self._client.bucket_exists(self.bucket)
        if not found:
            raise StoreUnavailable(f"the object store has no bucket {self.bucket!r}")

    def size_of(self, key: str) -> int:
        """The bytes of an object. Raises ``NotFound`` or ``StoreUnavailable``."""
        with _calling("stat"), translated(key):
            return self._client.stat_object(self.bucket, key).size or 0

    def put(self, key: str, file: IO[bytes], media_type: str) -> None:
        """Stores a file from its start; above 8 MiB in parts of 5 MiB, one at a time. Raises ``StoreUnavailable``."""
        size_bytes = file.seek(0, os.SEEK_END)
        file.seek(0)
        with _calling("put"), translated(key):
            self._client.put_object(
                self.bucket,
                key,
                cast("BinaryIO", file),
                size_bytes,
                content_type=media_type,
                part_size=_ONE_REQUEST_BYTES if size_bytes <= _ONE_REQUEST_BYTES else _PART_BYTES,
                # Each part that is sent at the same time is held in memory.
                num_parallel_uploads=1,
            )

    def read(self, key: str, start: int, length: int) -> StoredRange:
        """``length`` bytes from ``start``, or with 0 all that follow. Raises ``NotFound`` or ``StoreUnavailable``."""
        with _calling("read"), translated(key):
            response = self._client.get_object(self.bucket, key, offset=start, length=length)
        return StoredRange(_chunks(key, response), int(response.headers["Content-Length"]))

    def read_bytes(self, key: str, start: int, length: int) -> bytes:
        """The same, all at once. Raises as ``read`` does, also where the store fails meanwhile."""
        return b"".join(self.read(key, start, length).chunks)

    def fetch(self, key: str, file: IO[bytes]) -> None:
        """Copies an object into a file, from its start, and rewinds it. Raises ``NotFound`` or ``StoreUnavailable``."""
        file.seek(0)
        file.truncate()
        with _calling("fetch"):
            with translated(key):
                response = self._client.get_object(self.bucket, key)
            for chunk in _chunks(key, response):
                file.write(chunk)
        file.seek(0)

    def delete(self, keys: list[str]) -> None:
        """Erases objects, 1,000 with each request; those already gone are no error.

        Raises ``StoreUnavailable``; what could be erased is erased even so.
        """
        with _calling("delete"), translated(self.bucket):
            errors = list(self._client.remove_objects(self.bucket, map(DeleteObject, keys)))
        if errors:
            raise StoreUnavailable(f"{len(errors)} of {len(keys)} objects remain: {refusal(errors[0].code)}")

    def pages(self, prefix: str = "", *, after: str = "", size: int = _PAGE) -> Iterator[list[tuple[str, datetime]]]:
        """Keys with the time at which each was stored, in the order of keys.

        Args:
            after: leaves out this key and those before it.
            size: how many keys a page has.

        Raises ``StoreUnavailable``.
        """
        for page in self._listed(prefix, after, size):
            yield [_entry(found) for found in page]

    def keys(self, prefix: str = "") -> list[str]:
        """The keys of all objects under a prefix. Raises ``StoreUnavailable``."""
        return [key for page in self.pages(prefix) for key, _ in page]

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """The bytes of all objects under a prefix, by their keys. Raises ``StoreUnavailable``."""
        return {str(found.object_name): found.size or 0 for page in self._listed(prefix, "", _PAGE) for found in page}

    def presigned(self, key: str, expires_s: int, headers: Mapping[str, str] | None = None) -> str:
        """A URL by which anyone can read an object for a time, at the store's public address where it has one.

        Args:
            key: the object's; whether it exists is not checked.
            expires_s: seconds for which the URL is good; 7 days at most, since S3 allows no more.
            headers: the headers of the store's answer, such as ``{"Content-Type": "audio/wav"}``.
        """
        return self._public.presigned_get_object(
            self.bucket,
            key,
            timedelta(seconds=min(expires_s, LONGEST_LINK_S)),
            response_headers={f"response-{name.lower()}": value for name, value in (headers or {}).items()},
        )

    def _listed(self, prefix: str, after: str, size: int) -> Iterator[list[Object]]:
        objects = self._client.list_objects(self.bucket, prefix, recursive=True, start_after=after or None)
        while True:
            with _calling("list"), translated(prefix):
                page = list(islice(objects, size))
            if not page:
                return
            yield page


@contextmanager
def _calling(call: str) -> Iterator[None]:
    """Records a call of the store; one that finds no such object was answered."""
    began, failed = perf_counter(), False
    try:
        with current_span().child(f"store {call}", "client"):
            yield
    except StoreUnavailable:
        failed = True
        raise
    finally:
        recorder().store_called(call, perf_counter() - began, failed=failed)


def _client(url: str, settings: Settings, http: HttpClient) -> Minio:
    address = urlsplit(url)
    client = Minio(
        address.netloc,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key.get_secret_value(),
        secure=address.scheme == "https",
        # Without a region each client asks the server for the bucket's first.
        region=settings.s3_region,
        http_client=http,
    )
    client.disable_virtual_style_endpoint()
    client.set_app_info("phonoscope", __version__)
    return client


def _chunks(key: str, response: BaseHTTPResponse) -> Generator[bytes, None, None]:
    try:
        with translated(key):
            yield from response.stream(_CHUNK_BYTES, decode_content=False)
    finally:
        response.close()
        response.release_conn()


def _entry(found: Object) -> tuple[str, datetime]:
    assert found.object_name is not None
    assert found.last_modified is not None
    return found.object_name, found.last_modified
