"""The client's uploads in pieces, over a connection that breaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

import httpx
import pytest

from phonoscope.client import ApiError, Client, Retry, Unreachable
from phonoscope.contract import PendingUpload
from phonoscope.states import UploadStatus
from tests.support import RunningStack, tone_wav

CUT_AFTER = 2
"""Chunks of 1 MiB."""


class _Cut(httpx.SyncByteStream):
    def __init__(self, whole: httpx.SyncByteStream) -> None:
        self._whole = whole

    def __iter__(self) -> Iterator[bytes]:
        for at, chunk in enumerate(self._whole):
            if at == CUT_AFTER:
                raise httpx.WriteError("cut")
            yield chunk


class CuttingTransport(httpx.HTTPTransport):
    """Breaks the connection in the midst of the first bodies that are sent to an upload."""

    def __init__(self, cuts: int) -> None:
        super().__init__()
        self.cuts = cuts

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH" and self.cuts:
            self.cuts -= 1
            assert isinstance(request.stream, httpx.SyncByteStream)
            request.stream = _Cut(request.stream)
        return super().handle_request(request)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A file of its own of some megabytes."""
    path = tmp_path / "löng.wav"
    path.write_bytes(tone_wav(40, rate_hz=88_200, seed=uuid4().int % 2**32))
    return path


def cut_client(stack: RunningStack, key: str, cuts: int, attempts: int) -> Client:
    retry = Retry(attempts=attempts, first_s=0.05, factor=1.0)
    return Client(stack.url, key, transport=CuttingTransport(cuts), retry=retry)


@pytest.mark.long
def test_an_upload_goes_on_after_each_cut(stack: RunningStack, recording: Path) -> None:
    """The track has the very bytes and the name, and there is one upload for all of it."""
    sent: list[int] = []
    with cut_client(stack, stack.new_key(f"owner-{uuid4()}"), cuts=3, attempts=50) as client:
        track = client.upload(recording, resumable=True, on_progress=lambda done, _: sent.append(done))
        assert client.audio(track.id) == recording.read_bytes()
        assert track.filename == "löng.wav"
        assert sent[-1] == track.size_bytes
        assert client.open_uploads() == []
        assert client.upload(recording).id == track.id


def test_another_process_goes_on(stack: RunningStack, recording: Path) -> None:
    """With the same file and tasks, from where the first one was cut; other tasks are another upload."""
    key = stack.new_key(f"owner-{uuid4()}")
    with cut_client(stack, key, cuts=1, attempts=1) as first, pytest.raises(Unreachable):
        first.analyze(recording, ["describe"], resumable=True)
    sent: list[int] = []
    with Client(stack.url, key) as second:
        begun = kept(second)
        track = second.upload(recording, resumable=True)
        job = second.analyze(recording, ["describe"], resumable=True, on_progress=lambda done, _: sent.append(done))
        assert job.track_id == track.id
        ended = second.pending_upload(begun.id)
        assert (ended.status, ended.job_id) == (UploadStatus.FINISHED, job.id)
    assert sent[0] > begun.offset_bytes > 0


def kept(client: Client) -> PendingUpload:
    """The one open upload, once the gateway has kept what came before the cut."""
    deadline = monotonic() + 60
    while True:
        (upload,) = client.open_uploads()
        if upload.offset_bytes:
            return upload
        assert monotonic() < deadline
        sleep(0.05)


def test_what_stays_wrong_is_said_at_once(stack: RunningStack, tmp_path: Path) -> None:
    """By the code that the plain upload has; an upload that is given up is gone."""
    path = tmp_path / "text.wav"
    path.write_bytes(b"no recording")
    with stack.client(f"owner-{uuid4()}") as client:
        with pytest.raises(ApiError) as refused:
            client.upload(path, resumable=True)
        assert refused.value.code == "not_a_recording"
        with pytest.raises(ValueError, match="idempotency key"):
            client.upload(path, "key", resumable=True)
