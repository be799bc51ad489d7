"""Plain S3 through boto3: put, read with ranges, delete. Nothing here needs more than any S3 server offers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, TYPE_CHECKING

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from phonoscope import __version__
from phonoscope.errors import NotFound, StoreUnavailable

if TYPE_CHECKING:
    from phonoscope.settings import Settings

_CHUNK = 256 * 1024
# One part at a time: boto3's threads would hold ten parts in memory.
_TRANSFER = TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=5 << 20, use_threads=False)
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})


@dataclass(frozen=True)
class StoredRange:
    """Bytes of an object on their way: ``chunks`` must be read to the end or closed."""

    chunks: Iterator[bytes]
    length: int


class ObjectStore:
    """One bucket of an S3 server."""

    def __init__(self, settings: Settings) -> None:
        self.bucket = settings.s3_bucket
        self._client = boto3.client(
            "s3",
            endpoint_url=settings.s3_endpoint_url,
            aws_access_key_id=settings.s3_access_key,
            aws_secret_access_key=settings.s3_secret_key.get_secret_value(),
            region_name=settings.s3_region,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=2,
                read_timeout=30,
                retries={"max_attempts": 2, "mode": "standard"},
                max_pool_connections=50,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                user_agent=f"phonoscope/{__version__}",
            ),
        )

    def ensure_bucket(self) -> None:
        """Makes the bucket when it is absent. Raises ``StoreUnavailable``."""
        with _translated(self.bucket):
            names = {bucket["Name"] for bucket in self._client.list_buckets()["Buckets"]}
            if self.bucket not in names:
                self._client.create_bucket(Bucket=self.bucket)

    def ping(self) -> None:
        """Raises ``StoreUnavailable``, also when the bucket is missing."""
        try:
            with _translated(self.bucket):
                self._client.head_bucket(Bucket=self.bucket)
        except NotFound as error:
            raise StoreUnavailable(f"the object store has no bucket {self.bucket!r}") from error

    def put(self, key: str, file: IO[bytes], media_type: str) -> None:
        """Stores a file from its start; large ones in parts, so that memory stays flat. Raises ``StoreUnavailable``."""
        size_bytes = file.seek(0, os.SEEK_END)
        file.seek(0)
        with _translated(key):
            if size_bytes < _TRANSFER.multipart_threshold:
                self._client.put_object(Bucket=self.bucket, Key=key, Body=file.read(), ContentType=media_type)
                return
            extra = {"ContentType": media_type}
            self._client.upload_fileobj(file, self.bucket, key, ExtraArgs=extra, Config=_TRANSFER)

    def read(self, key: str, start: int, length: int) -> StoredRange:
        """``length`` bytes from ``start``. Raises ``NotFound`` or ``StoreUnavailable``."""
        with _translated(key):
            answer = self._client.get_object(Bucket=self.bucket, Key=key, Range=f"bytes={start}-{start + length - 1}")
        body = answer["Body"]

        def chunks() -> Iterator[bytes]:
            try:
                with _translated(key):
                    yield from body.iter_chunks(_CHUNK)
            finally:
                body.close()

        return StoredRange(chunks(), answer["ContentLength"])

    def fetch(self, key: str, file: IO[bytes]) -> None:
        """Copies an object into a file, from its start, and rewinds it. Raises ``NotFound`` or ``StoreUnavailable``."""
        file.seek(0)
        file.truncate()
        with _translated(key):
            answer = self._client.get_object(Bucket=self.bucket, Key=key)
            for chunk in answer["Body"].iter_chunks(_CHUNK):
                file.write(chunk)
        file.seek(0)

    def delete(self, keys: list[str]) -> None:
        """Erases objects; those already gone are no error. Raises ``StoreUnavailable``."""
        for key in keys:
            with _translated(key):
                self._client.delete_object(Bucket=self.bucket, Key=key)

    def pages(self, prefix: str = "", *, after: str = "", size: int = 1000) -> Iterator[list[tuple[str, datetime]]]:
        """Keys with the time at which each was stored, in the order of keys.

        Args:
            after: leaves out this key and those before it.
            size: how many keys a page has, at most 1000.

        Raises ``StoreUnavailable``.
        """
        with _translated(prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, StartAfter=after, PaginationConfig={"PageSize": size}
            ):
                yield [(item["Key"], item["LastModified"]) for item in page.get("Contents", [])]

    def keys(self, prefix: str = "") -> list[str]:
        """The keys of all objects under a prefix. Raises ``StoreUnavailable``."""
        return [key for page in self.pages(prefix) for key, _ in page]


@contextmanager
def _translated(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in _MISSING:
            raise NotFound(f"the object store has no object {key!r}") from error
        raise StoreUnavailable(f"the object store refused: {code or 'no reason given'}") from error
    except (BotoCoreError, HTTPError) as error:
        raise StoreUnavailable("the object store does not answer") from error
