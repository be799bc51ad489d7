"""The object store's client on the stack's real store."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from phonoscope.errors import NotFound, StoreUnavailable
from phonoscope.storage import ObjectStore
from phonoscope.storage.transport import HttpClient
from tests.support import Recorded, RunningStack

MANY = 1_050
"""More than a page and more than one request may erase."""
NAMES = ["a b+c%20.wav", "ä/ß.wav", "<x>&'\".wav", "~(1)=;,@$!*.wav"]


@pytest.fixture
def store(stack: RunningStack) -> ObjectStore:
    return ObjectStore(stack.settings)


@pytest.fixture
def prefix(store: ObjectStore) -> Iterator[str]:
    """A place of the test's own, erased at its end."""
    prefix = f"test/{uuid4().hex}/"
    yield prefix
    store.delete(store.keys(prefix))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Method and URL of each request, all of which still go to the store."""
    kept: list[tuple[str, str]] = []
    send: Callable[..., Any] = HttpClient.urlopen

    def urlopen(self: HttpClient, method: str, url: str, *more: Any, **request: Any) -> Any:
        kept.append((method, url))
        return send(self, method, url, *more, **request)

    monkeypatch.setattr(HttpClient, "urlopen", urlopen)
    return kept


def content(store: ObjectStore, key: str, start: int, length: int) -> bytes:
    return b"".join(store.read(key, start, length).chunks)


@pytest.mark.parametrize("name", NAMES)
def test_a_key_may_hold_any_character(store: ObjectStore, prefix: str, name: str) -> None:
    """Stored, listed, read, linked to and erased under the very same name."""
    key = prefix + name
    store.put(key, io.BytesIO(b"0123"), "audio/wav")
    assert store.keys(prefix) == [key]
    assert content(store, key, 1, 2) == b"12"
    assert httpx.get(store.presigned(key, 60), timeout=60).content == b"0123"
    store.delete([key])
    assert store.keys(prefix) == []
    with pytest.raises(NotFound):
        store.read(key, 0, 1)


@pytest.mark.parametrize(
    ("size_bytes", "requests"), [(8 << 20, ["PUT"]), ((8 << 20) + 1, ["POST", *["PUT"] * 2, "POST"])]
)
def test_only_large_files_go_in_parts(
    store: ObjectStore, prefix: str, sent: list[tuple[str, str]], size_bytes: int, requests: list[str]
) -> None:
    """From the file's start, wherever it was; all is there afterwards, and a fetched copy is rewound."""
    body = os.urandom(size_bytes)
    file = io.BytesIO(body)
    file.seek(100)
    store.put(prefix + "a", file, "audio/wav")
    assert [method for method, _ in sent] == requests
    copy = io.BytesIO(b"what was there before" * 1_000_000)
    store.fetch(prefix + "a", copy)
    assert copy.tell() == 0
    assert copy.read() == body


def test_no_request_is_made_for_the_region(store: ObjectStore, prefix: str, sent: list[tuple[str, str]]) -> None:
    """Each call costs one request."""
    store.ping()
    store.ensure_bucket()
    store.put(prefix + "a", io.BytesIO(b"a"), "audio/wav")
    assert content(store, prefix + "a", 0, 1) == b"a"
    store.keys(prefix)
    store.delete([prefix + "a"])
    assert [method for method, _ in sent] == ["HEAD", "HEAD", "PUT", "GET", "GET", "POST"]
    store.delete([])
    assert len(sent) == 6


@pytest.mark.long
def test_many_objects_are_listed_and_erased_in_few_requests(
    store: ObjectStore, prefix: str, sent: list[tuple[str, str]]
) -> None:
    """A thousand at once, each with its time; keys that are gone do no harm."""
    keys = [f"{prefix}{number:04}" for number in range(MANY)]
    before = datetime.now(UTC) - timedelta(seconds=2)
    with ThreadPoolExecutor(40) as threads:
        list(threads.map(lambda key: store.put(key, io.BytesIO(key.encode()), "text/plain"), keys))
        assert list(threads.map(lambda key: content(store, key, 0, len(key)), keys[::10])) == [
            key.encode() for key in keys[::10]
        ]
    sent.clear()
    pages = list(store.pages(prefix))
    assert [len(page) for page in pages] == [1_000, MANY - 1_000]
    assert [key for page in pages for key, _ in page] == keys
    assert all(before < stored_at < datetime.now(UTC) + timedelta(seconds=2) for page in pages for _, stored_at in page)
    store.delete([*keys, *(f"{key}-gone" for key in keys)])
    assert [method for method, _ in sent] == ["GET", "GET", "POST", "POST", "POST"]
    assert store.keys(prefix) == []


def test_a_bucket_is_made_when_it_is_absent(stack: RunningStack) -> None:
    """Before, a ping says so; making it twice is no error."""
    store = ObjectStore(stack.settings.model_copy(update={"s3_bucket": f"made-{uuid4().hex}"}))
    with pytest.raises(StoreUnavailable, match=f"no bucket '{store.bucket}'"):
        store.ping()
    store.ensure_bucket()
    store.ensure_bucket()
    store.ping()


@pytest.mark.parametrize("wrong", [{"s3_access_key": "nobody"}, {"s3_secret_key": SecretStr("wrong")}])
def test_wrong_credentials_say_so(stack: RunningStack, wrong: dict[str, Any], recorded: Recorded) -> None:
    """Whatever is asked of the store, so that `phonoscope doctor` and /health/ready tell it; and it is counted."""
    store = ObjectStore(stack.settings.model_copy(update=wrong))
    calls: tuple[Callable[[], object], ...] = (
        store.ping,
        store.ensure_bucket,
        store.keys,
        lambda: store.put("test/a", io.BytesIO(b"a"), "audio/wav"),
        lambda: store.read("test/a", 0, 1),
        lambda: store.delete(["test/a"]),
    )
    for call in calls:
        with pytest.raises(StoreUnavailable, match="refused the credentials"):
            call()
    assert [
        recorded("store_calls_total", call=name, result="failed") for name in ("list", "put", "read", "delete")
    ] == [1] * 4


def test_a_link_is_enough(store: ObjectStore, prefix: str) -> None:
    """The object in whole and in part, with the headers asked for; nothing once it was changed or is over."""
    store.put(prefix + "a", io.BytesIO(b"0123456789"), "application/octet-stream")
    link = store.presigned(
        prefix + "a", 60, {"Content-Type": "audio/wav", "Content-Disposition": 'inline; filename="ä"'}
    )
    whole = httpx.get(link, timeout=60)
    assert (whole.status_code, whole.content) == (200, b"0123456789")
    assert whole.headers["Content-Type"] == "audio/wav"
    assert httpx.get(link, headers={"Range": "bytes=2-4"}, timeout=60).content == b"234"
    assert httpx.get(link.replace("audio", "image"), timeout=60).status_code == 403
    longer = store.presigned(prefix + "a", 60).replace("X-Amz-Expires=60", "X-Amz-Expires=61")
    assert httpx.get(longer, timeout=60).status_code == 403


def test_an_object_that_is_not_read_to_its_end_costs_nothing(store: ObjectStore, prefix: str) -> None:
    """Its connection is closed, and further requests go through."""
    store.put(prefix + "a", io.BytesIO(bytes(1 << 20)), "audio/wav")
    for _ in range(60):
        stored = store.read(prefix + "a", 0, 1 << 20)
        assert len(next(stored.chunks)) == 256 << 10
        stored.chunks.close()
    store.ping()
