"""Links to artifacts: made, checked, put into results, kept out of logs."""

from __future__ import annotations

import hashlib
import hmac
import logging
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from phonoscope.contract import ArtifactLink
from phonoscope.errors import InvalidSignature, SignatureExpired
from phonoscope.work import Artifact
from phonoscope_gateway.signing import Signer, without_signatures

SIGNER = Signer(b"a secret of the tests", 3600)
NOW_S = 1_700_000_000.5


def parts(url: str) -> tuple[str, str, str]:
    """The id, the end and the signature of a link."""
    split = urlsplit(url)
    query = parse_qs(split.query, strict_parsing=True)
    return split.path.removeprefix("/v1/artifacts/"), query["expires"][0], query["signature"][0]


def test_a_link_is_good_until_it_ends() -> None:
    """It tells its end, and how long it is good still; at that very second it is over."""
    url, expires_at = SIGNER.link("art_1", NOW_S)
    artifact_id, expires, signature = parts(url)
    assert (artifact_id, int(expires)) == ("art_1", 1_700_003_600)
    assert expires_at.timestamp() == int(expires)
    assert SIGNER.check("art_1", expires, signature, NOW_S) == 3600
    assert SIGNER.check("art_1", expires, signature, int(expires) - 1) == 1
    with pytest.raises(SignatureExpired):
        SIGNER.check("art_1", expires, signature, int(expires))


def test_the_signature_is_the_one_that_is_documented() -> None:
    """HMAC-SHA256 over id and end, in the alphabet that needs no escapes."""
    artifact_id, expires, signature = parts(SIGNER.link("art_1", NOW_S)[0])
    digest = hmac.digest(b"a secret of the tests", f"{artifact_id}.{expires}".encode(), hashlib.sha256)
    assert signature == urlsafe_b64encode(digest).decode().rstrip("=")


@pytest.mark.parametrize(
    "change",
    [
        {"artifact_id": "art_2"},
        {"expires": "1700003601"},
        {"expires": "01700003600"},
        {"expires": "1700003600.0"},
        {"expires": "１７００００３６００"},
        {"expires": ""},
        {"expires": None},
        {"signature": None},
        {"signature": ""},
        {"signature": "é"},
        {"signature": "A" * 43},
    ],
)
def test_whatever_is_changed_is_refused(change: dict[str, str | None]) -> None:
    """Another artifact, a later end, another way to write it, no signature or a made-up one."""
    artifact_id, expires, signature = parts(SIGNER.link("art_1", NOW_S)[0])
    given: Any = {"artifact_id": artifact_id, "expires": expires, "signature": signature} | change
    with pytest.raises(InvalidSignature):
        SIGNER.check(**given, now_s=NOW_S)


def test_another_secret_opens_nothing() -> None:
    """Links of one deployment are worth nothing at another, and an old one's age is not told."""
    _, expires, signature = parts(SIGNER.link("art_1", 0.0)[0])
    with pytest.raises(InvalidSignature):
        Signer(b"another secret", 3600).check("art_1", expires, signature, NOW_S)


def test_the_secret_is_not_shown() -> None:
    """A signer in a traceback gives nothing away."""
    assert "a secret of the tests" not in repr(SIGNER)


def test_references_become_links() -> None:
    """Wherever they stand in a result; everything else stays as it is, and so does the result that is kept."""
    artifact = Artifact("a.png", "heatmap", "image/png", b"123")
    body: dict[str, Any] = {"image": artifact.reference, "layers": [{"sheet": artifact.reference}, [1.5, None]], "n": 2}
    rendered = SIGNER.rendered(body)
    link = ArtifactLink.model_validate(rendered["image"])
    assert (link.id, link.media_type, link.size_bytes) == (artifact.id, "image/png", 3)
    assert rendered["image"]["expires_at"].endswith("Z")
    assert parts(link.url)[0] == artifact.id
    assert rendered["layers"][0]["sheet"].keys() == rendered["image"].keys()
    assert (rendered["layers"][1], rendered["n"]) == ([1.5, None], 2)
    assert body["image"] == artifact.reference


@pytest.fixture
def access_log() -> Iterator[logging.Logger]:
    """The server's access log as it was before, at the end."""
    log = logging.getLogger("uvicorn.access")
    before = log.filters[:]
    yield log
    log.filters[:] = before


def test_no_signature_is_logged(caplog: pytest.LogCaptureFixture, access_log: logging.Logger) -> None:
    """Whoever reads the access log cannot follow the links in it; everything else is there."""
    access_log.addFilter(without_signatures)
    url, _ = SIGNER.link("art_1", NOW_S)
    with caplog.at_level(logging.INFO, "uvicorn.access"):
        access_log.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", url, "1.1", 200)
    assert parts(url)[2] not in caplog.text
    assert "/v1/artifacts/art_1?expires=1700003600&signature=… HTTP/1.1" in caplog.text
