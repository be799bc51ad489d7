"""Signed links: made, checked, put into results, kept out of logs."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from phonoscope.contract import ArtifactLink, SignedLink
from phonoscope.errors import InvalidSignature, SignatureExpired
from phonoscope.work import Artifact
from phonoscope_gateway.signing import Signer, artifact_path, audio_path
from phonoscope_gateway.tracks.view import moment_link

SIGNER = Signer(b"a secret of the tests", 3600)
NOW_S = 1_700_000_000.5


ART = artifact_path("art_1")


def parts(link: SignedLink) -> tuple[str, str, str]:
    """The path, the end and the signature of a link."""
    split = urlsplit(link.url)
    query = parse_qs(split.query, strict_parsing=True)
    return split.path, query["expires"][0], query["signature"][0]


@pytest.mark.parametrize("path", [ART, audio_path("trk_1")])
def test_a_link_is_good_until_it_ends(path: str) -> None:
    """It tells its end, and how long it is good still; at that very second it is over."""
    link = SIGNER.link(path, NOW_S)
    found, expires, signature = parts(link)
    assert (found, int(expires)) == (path, 1_700_002_800)
    assert link.expires_at.timestamp() == int(expires)
    assert SIGNER.check(path, expires, signature, NOW_S) == 2800
    assert SIGNER.check(path, expires, signature, int(expires) - 1) == 1
    with pytest.raises(SignatureExpired):
        SIGNER.check(path, expires, signature, int(expires))


@pytest.mark.parametrize("good_for_s", [1, 3, 7, 300, 3600])
def test_links_are_the_same_for_a_quarter_of_their_time(good_for_s: int) -> None:
    """So that a cache knows them again; three quarters are left whenever one is made."""
    signer = Signer(b"a secret of the tests", good_for_s)
    for second in range(2 * good_for_s):
        left_s = signer.link(ART, second).expires_at.timestamp() - second
        assert max(1, 0.75 * good_for_s) <= left_s <= good_for_s
    assert len({signer.link(ART, second).url for second in range(4 * (good_for_s // 4))}) == min(4, good_for_s // 4 * 4)


def test_the_signature_is_the_one_that_is_documented() -> None:
    """HMAC-SHA256 over an artifact's id, or any other path, and the end, in the alphabet that needs no escapes.

    Links to artifacts from before there were others are as good.
    """
    for path, signed in ((ART, "art_1"), (audio_path("trk_1"), "/v1/tracks/trk_1/audio")):
        _, expires, signature = parts(SIGNER.link(path, NOW_S))
        digest = hmac.digest(b"a secret of the tests", f"{signed}.{expires}".encode(), hashlib.sha256)
        assert signature == urlsafe_b64encode(digest).decode().rstrip("=")


def test_a_link_opens_nothing_else() -> None:
    """Not the artifact of a track's id, nor the recording of an artifact's, nor the same of another."""
    paths = [
        artifact_path("art_1"),
        artifact_path("trk_1"),
        audio_path("trk_1"),
        audio_path("art_1"),
        "/v1/tracks/trk_1",
    ]
    for linked in paths:
        _, expires, signature = parts(SIGNER.link(linked, NOW_S))
        for asked in set(paths) - {linked}:
            with pytest.raises(InvalidSignature):
                SIGNER.check(asked, expires, signature, NOW_S)


@pytest.mark.parametrize(
    "change",
    [
        {"path": artifact_path("art_2")},
        {"expires": "1700002801"},
        {"expires": "01700002800"},
        {"expires": "1700002800.0"},
        {"expires": "１７００００２８００"},
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
    path, expires, signature = parts(SIGNER.link(ART, NOW_S))
    given: Any = {"path": path, "expires": expires, "signature": signature} | change
    with pytest.raises(InvalidSignature):
        SIGNER.check(**given, now_s=NOW_S)


def test_another_secret_opens_nothing() -> None:
    """Links of one deployment are worth nothing at another, and an old one's age is not told."""
    _, expires, signature = parts(SIGNER.link(ART, 0.0))
    with pytest.raises(InvalidSignature):
        Signer(b"another secret", 3600).check(ART, expires, signature, NOW_S)


def test_the_secret_is_not_shown() -> None:
    """A signer in a traceback gives nothing away."""
    assert "a secret of the tests" not in repr(SIGNER)


def test_a_moment_s_link_is_to_the_millisecond() -> None:
    """Hours into a recording too; the signature is the recording's."""
    audio = SIGNER.link(audio_path("trk_1"), NOW_S)
    found = moment_link(audio, 21_595.25, 21_600.0)
    assert found == SignedLink(url=f"{audio.url}#t=21595.25,21600", expires_at=audio.expires_at)
    assert moment_link(audio, 0.0, 7.125).url.endswith("#t=0,7.125")


def test_references_become_links() -> None:
    """Wherever they stand in a result; everything else stays as it is, and so does the result that is kept."""
    artifact = Artifact("a.png", "heatmap", "image/png", b"123")
    body: dict[str, Any] = {"image": artifact.reference, "layers": [{"sheet": artifact.reference}, [1.5, None]], "n": 2}
    rendered = SIGNER.rendered(body)
    link = ArtifactLink.model_validate(rendered["image"])
    assert (link.id, link.media_type, link.size_bytes) == (artifact.id, "image/png", 3)
    assert rendered["image"]["expires_at"].endswith("Z")
    assert parts(link)[0] == artifact_path(artifact.id)
    assert rendered["layers"][0]["sheet"].keys() == rendered["image"].keys()
    assert (rendered["layers"][1], rendered["n"]) == ([1.5, None], 2)
    assert body["image"] == artifact.reference
