"""Multipart forms, read as they arrive."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import io
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect

from phonoscope.errors import InvalidRequest, SpoolFull, UploadTooLarge
from phonoscope_gateway.forms import Form, read_form
from tests.unit.gateway.requests import MakeRequest

LIMIT = 4 << 20
names = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters='"'), min_size=1, max_size=12)
values = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def encoded(fields: dict[str, Any], content: bytes | None = b"RIFF", filename: str = "a.wav") -> tuple[bytes, str]:
    """A form as an ordinary client encodes it, and its content type."""
    files = {"file": (filename, content)} if content is not None else {"other": (None, b"")}
    request = httpx.Request("POST", "http://gateway.test", data=fields, files=files)
    return request.read(), request.headers["Content-Type"]


def cut(body: bytes, at: Sequence[int]) -> list[bytes]:
    """The body in pieces that end at these places."""
    places = sorted({min(place, len(body)) for place in at} | {len(body)})
    return [body[start:end] for start, end in zip([0, *places], places, strict=False)]


def read(make_request: MakeRequest, pieces: Sequence[bytes], content_type: str, limit: int = LIMIT) -> Form:
    return asyncio.run(read_form(make_request(pieces, content_type=content_type), limit))


def part(name: str, content: bytes, boundary: bytes = b"frontier", filename: str = "") -> bytes:
    """One part of a form written by hand."""
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
    return b"--" + boundary + b"\r\nContent-Disposition: " + disposition.encode() + b"\r\n\r\n" + content + b"\r\n"


BY_HAND = "multipart/form-data; boundary=frontier"
END = b"--frontier--\r\n"
anything_goes = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@anything_goes
@given(
    st.dictionaries(
        names.filter(lambda name: name != "file"), values | st.lists(values, min_size=1, max_size=3), max_size=3
    ),
    st.data(),
)
@example({"tasks": ["classify", "embed"], "options": "{}"}, None)
def test_the_pieces_of_a_body_do_not_matter(make_request: MakeRequest, fields: dict[str, Any], data: Any) -> None:
    """However the network cuts a form, its fields, its file, and the file's digest are the same."""
    content = b"RIFF" * 30 if data is None else data.draw(st.binary(max_size=200))
    body, content_type = encoded(fields, content)
    at = range(len(body)) if data is None else data.draw(st.lists(st.integers(0, len(body)), max_size=30))
    form = read(make_request, cut(body, at), content_type)
    assert form.fields == {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
    assert form.upload is not None
    with form.upload.file as file:
        file.seek(0)
        assert file.read() == content
    assert form.upload.sha256 == hashlib.sha256(content).hexdigest()
    assert (form.upload.size_bytes, form.upload.filename) == (len(content), "a.wav")


@pytest.mark.parametrize(
    "near", [b"\r\n--frontie", b"\r\n--frontierX", b"\r", b"\n", b"\r\n", b"--frontier--", b"\r\n-"]
)
def test_a_file_may_hold_almost_a_boundary(make_request: MakeRequest, near: bytes) -> None:
    """Bytes that look like the start of a boundary belong to the file, wherever the body is cut."""
    content = b"sound" + near + b"sound" + near
    body = part("file", content, filename="a.wav") + END
    for size in (1, 2, 7, len(body)):
        form = read(make_request, cut(body, range(0, len(body), size)), BY_HAND)
        assert form.upload is not None
        with form.upload.file as file:
            file.seek(0)
            assert file.read() == content


def test_a_large_file_goes_to_disk(make_request: MakeRequest) -> None:
    """Beyond a mebibyte the file leaves the memory; what is read back is what was sent."""
    content = bytes(range(256)) * 4 * 2_048
    body, content_type = encoded({}, content)
    form = read(make_request, cut(body, range(0, len(body), 65_536)), content_type)
    assert form.upload is not None
    with form.upload.file as file:
        assert getattr(file, "_rolled", False)
        file.seek(0)
        assert file.read() == content


def test_a_form_needs_no_file(make_request: MakeRequest) -> None:
    """Whether one is needed is for the route to say."""
    form = read(make_request, [part("tasks", b"embed") + END], BY_HAND)
    assert form == Form({"tasks": ["embed"]}, None)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "multipart/form-data",
        "multipart/mixed; boundary=frontier",
        "text/plain; boundary=frontier",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 300,
    ],
)
def test_another_media_type_is_refused(make_request: MakeRequest, content_type: str) -> None:
    """So is a form whose boundary is missing, empty, or longer than the standard allows; the header is named."""
    with pytest.raises(InvalidRequest, match=r"^content-type: "):
        read(make_request, [part("file", b"RIFF") + END], content_type)


def test_a_file_that_is_too_large_is_refused_as_soon_as_it_is_known(make_request: MakeRequest) -> None:
    """Not one piece more is read than the limit needs."""
    body, content_type = encoded({}, bytes(100_000))
    request = make_request(cut(body, range(0, len(body), 1_000)), content_type=content_type)
    with pytest.raises(UploadTooLarge, match="10,000 bytes"):
        asyncio.run(read_form(request, 10_000))
    assert request.state.taken <= 13


def test_a_file_of_just_the_limit_is_taken(make_request: MakeRequest) -> None:
    """The limit itself is allowed, one byte more is not."""
    for size, allowed in ((10_000, True), (10_001, False)):
        body, content_type = encoded({}, bytes(size))
        if allowed:
            upload = read(make_request, [body], content_type, 10_000).upload
            assert upload is not None
            upload.file.close()
        else:
            with pytest.raises(UploadTooLarge):
                read(make_request, [body], content_type, 10_000)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (part("file", b"one") + part("file", b"two") + END, "file"),
        (b"".join(part(f"f{number}", b"x") for number in range(17)) + END, "body"),
        (part("metadata", b"x" * (256 * 1024 + 1)) + END, "metadata"),
        (part("metadata", b"\xff\xfe") + END, "metadata"),
        (part("", b"x") + END, "body"),
        (b"--frontier\r\n\r\nx\r\n" + END, "body"),
        (b"--frontier\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + END, "body"),
        (b"--frontier\r\n" + b"X-Header: " + b"x" * 100_000 + b"\r\n\r\nx\r\n" + END, "body"),
        (b"--frontier\r\n" + b"X-Header: x\r\n" * 1_000 + b"\r\nx\r\n" + END, "body"),
        (part("file", b"RIFF", boundary=b"other") + b"--other--\r\n", "body"),
        (b"this is no form at all", "body"),
        (b"", "body"),
        (part("file", b"RIFF"), "body"),
        (part("file", b"RIFF")[:-2], "body"),
    ],
)
def test_a_form_that_is_wrong_names_the_field(make_request: MakeRequest, body: bytes, field: str) -> None:
    """Twice a file, too many parts, too much text, no UTF-8, no name, no end, no form."""
    for pieces in ([body], cut(body, range(0, len(body), 4_096))):
        with pytest.raises(InvalidRequest) as caught:
            read(make_request, pieces, BY_HAND)
        assert caught.value.errors[0]["field"] == field


def test_a_form_that_was_cut_off_is_refused(make_request: MakeRequest) -> None:
    """Wherever it ends, a form without its last boundary is not taken for a whole one."""
    body = part("tasks", b"embed") + part("file", b"RIFF", filename="a.wav") + END
    for length in range(len(body) - 2):
        with pytest.raises(InvalidRequest):
            read(make_request, [body[:length]], BY_HAND)


@anything_goes
@given(st.binary(max_size=80), st.integers(0, 200), st.integers(0, 20))
def test_no_body_breaks_it(make_request: MakeRequest, noise: bytes, at: int, lost: int) -> None:
    """Noise anywhere in a form gives a form or a known error, and nothing else."""
    body = part("tasks", b"embed") + part("file", b"RIFF", filename="a.wav") + END
    form = Form()
    with suppress(InvalidRequest):
        form = read(make_request, [body[:at] + noise + body[at + lost :]], BY_HAND)
    if form.upload is not None:
        form.upload.file.close()
        assert form.upload.size_bytes <= len(body) + len(noise)


class _FullDisk(io.BytesIO):
    """A file for which there is no room."""

    def write(self, _: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_as_such(make_request: MakeRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service cannot take the upload now; it may be sent again. The file is closed."""
    spool = _FullDisk()
    monkeypatch.setattr("phonoscope_gateway.forms.tempfile.SpooledTemporaryFile", lambda **_: spool)
    with pytest.raises(SpoolFull, match="nothing was stored") as caught:
        read(make_request, [part("file", b"RIFF") + END], BY_HAND)
    assert caught.value.retryable
    assert spool.closed


def test_a_client_that_goes_away_leaves_nothing_behind(
    make_request: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spooled file is closed, whatever ends the reading."""
    spool = io.BytesIO()
    monkeypatch.setattr("phonoscope_gateway.forms.tempfile.SpooledTemporaryFile", lambda **_: spool)
    request = make_request([], content_type=BY_HAND)
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": part("file", b"RIFF"), "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    request._receive = receive
    with pytest.raises(ClientDisconnect):
        asyncio.run(read_form(request, LIMIT))
    assert spool.closed


def test_a_long_name_is_taken(make_request: MakeRequest) -> None:
    """Of 4 kB, as file systems hold it, encoded as RFC 8187 does and as it is at once; its end is kept."""
    name = "é" * 2_000 + ".wav"
    head = f'form-data; name="file"; filename="{name}"; filename*=UTF-8\'\'{quote(name)}'
    body = b"--frontier\r\nContent-Disposition: " + head.encode() + b"\r\n\r\nRIFF\r\n" + END
    upload = read(make_request, [body], BY_HAND).upload
    assert upload is not None
    upload.file.close()
    assert upload.filename == "é" * 251 + ".wav"
