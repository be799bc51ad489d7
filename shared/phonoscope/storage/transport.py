"""HTTP requests to the object store, and the translation of their errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from xml.etree.ElementTree import ParseError

from minio.error import MinioException, S3Error
from urllib3 import BaseHTTPResponse, PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from phonoscope.errors import NotFound, StoreUnavailable
from phonoscope.traces import library_span

_CONNECTIONS = 50
_CONNECT_S = 2.0
_READ_S = 30.0
_MISSING = frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchUpload"})
_DENIED = frozenset({"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"})


class HttpClient(PoolManager):
    """Connections to one server, for many threads: 2 s to connect, 30 s for each read, two attempts at most.

    Certificates are checked against the system's authorities, or those of ``SSL_CERT_FILE``.
    """

    def __init__(self) -> None:
        super().__init__(
            maxsize=_CONNECTIONS,
            timeout=Timeout(connect=_CONNECT_S, read=_READ_S),
            retries=Retry(
                total=1,
                redirect=0,
                # Every S3 call can safely be made twice.
                allowed_methods=None,
                status_forcelist=(500, 502, 503, 504),
                raise_on_status=False,
                raise_on_redirect=False,
                # A server may ask for minutes.
                respect_retry_after_header=False,
            ),
        )

    def urlopen(  # type: ignore[override]
        self, method: str, url: str, redirect: bool = True, **request: Any
    ) -> BaseHTTPResponse:
        """The answer to a request; an error that is marked as ``text/xml`` is marked as ``application/xml``.

        Both names mean the same (RFC 7303) and servers use both, but minio reads the reason only from the second.
        """
        with library_span("urllib3", method, "client") as span:
            span.describe({"http.request.method": method})
            response = super().urlopen(method, url, redirect, **request)
            span.describe({"http.response.status_code": response.status})
            if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                span.fail(str(response.status))
        if response.headers.get("Content-Type", "").startswith("text/xml"):
            response.headers["Content-Type"] = "application/xml"
        return response


@contextmanager
def translated(key: str) -> Iterator[None]:
    """Turns errors of a request about a key into ``NotFound`` and ``StoreUnavailable``."""
    try:
        yield
    except S3Error as error:
        if error.code in _MISSING:
            raise NotFound(f"the object store has no object {key!r}") from error
        raise StoreUnavailable(refusal(error.code)) from error
    except (MinioException, ParseError, UnicodeDecodeError) as error:
        raise StoreUnavailable("the object store's answer is not that of an S3 server") from error
    except HTTPError as error:
        raise StoreUnavailable("the object store does not answer") from error


def refusal(code: str | None) -> str:
    """An S3 error code as a sentence.

    >>> refusal("SlowDown")
    'the object store refused: SlowDown'
    """
    if code in _DENIED:
        return f"the object store refused the credentials: {code}"
    return f"the object store refused: {code or 'no reason given'}"
