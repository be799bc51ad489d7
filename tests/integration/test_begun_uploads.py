"""How a direct upload begins and ends: whatever fails, nothing is left in the store that no row knows, and no byte is
lost.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from phonoscope.catalogue import LiveCatalogue
from phonoscope.contract import CompleteRequest, JobRequest, UploadRequest
from phonoscope.db.access.engine import Database
from phonoscope.db.library.uploads import open_uploads, take_expired, whole_of
from phonoscope.db.schema.tables import OwnerRow
from phonoscope.db.schema.uploads import UploadRow
from phonoscope.db.service.keys import Caller
from phonoscope.errors import InvalidRequest, PhonoscopeError, StoreUnavailable, UnknownModel, UploadEnded
from phonoscope.settings import Settings
from phonoscope.states import UploadStatus
from phonoscope.storage import ObjectStore
from phonoscope.storage.multipart import MultipartUploads
from phonoscope.waker import Waker
from phonoscope_gateway.idempotency import IdempotentRequest
from phonoscope_gateway.listener import JobListener
from phonoscope_gateway.state import State
from phonoscope_gateway.uploads import direct
from phonoscope_gateway.uploads.service import read_upload
from tests.support import tone_wav

REQUEST = UploadRequest(filename="a.wav", size_bytes=5, sha256="0" * 64)


@pytest.fixture
def gateway(server_settings: Settings, database: Database) -> Iterator[State]:
    """A gateway's, with a bucket of its own, whose clients reach the store."""
    changes = {"s3_public_endpoint_url": server_settings.s3_endpoint_url, "s3_bucket": f"begun-{uuid4().hex}"}
    settings = server_settings.model_copy(update=changes)
    store = ObjectStore(settings)
    store.ensure_bucket()
    waker = Waker(settings.broker_url.get_secret_value())
    listener = JobListener(settings.database_url.get_secret_value())
    state = State(settings, database, store, waker, LiveCatalogue(settings.models_dir), listener)
    yield state
    state.threads.shutdown()


@pytest.fixture
def once(gateway: State) -> IdempotentRequest:
    """A request of a new owner's, which may be repeated."""
    owner_id = f"own_{uuid4().hex}"
    with gateway.database.transaction() as session:
        session.add(OwnerRow(id=owner_id, name=owner_id))
    caller = Caller(owner_id, "key", frozenset())
    return IdempotentRequest(gateway, caller, "begun", "POST", "/v1/uploads")


def uploads_of(once: IdempotentRequest) -> list[str]:
    """The ids of the owner's uploads."""
    with once.state.database.transaction() as session:
        of_owner = text("SELECT id FROM uploads WHERE owner_id = :owner_id")
        return list(session.scalars(of_owner, {"owner_id": once.caller.owner_id}))


def test_the_row_comes_before_the_store_s_upload(
    gateway: State, once: IdempotentRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is committed by then, so that a gateway that dies leaves nothing unknown; until the end no part is taken."""
    create, seen = MultipartUploads.create, list[str]()

    def noted(uploads: MultipartUploads, key: str, media_type: str) -> str:
        (upload_id,) = uploads_of(once)
        assert key == whole_of(upload_id)
        with pytest.raises(UploadEnded):
            direct.kept_parts(gateway, once.caller.owner_id, upload_id)
        seen.append(upload_id)
        return create(uploads, key, media_type)

    monkeypatch.setattr(MultipartUploads, "create", noted)
    begun = direct.begin(once, REQUEST)
    again = direct.begin(once, REQUEST)
    assert seen == [begun.body.upload.id] == [again.body.upload.id] == uploads_of(once)
    assert again.replayed
    assert direct.kept_parts(gateway, once.caller.owner_id, seen[0]).items == []


def test_a_store_that_is_away_leaves_no_upload(
    gateway: State, once: IdempotentRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts against no quota, and the same request begins one later."""

    def away(*_: object) -> str:
        raise StoreUnavailable("it went away")

    with monkeypatch.context() as patch:
        patch.setattr(MultipartUploads, "create", away)
        with pytest.raises(StoreUnavailable):
            direct.begin(once, REQUEST)
    assert uploads_of(once) == []
    assert direct.begin(once, REQUEST).body.upload.id == uploads_of(once)[0]


def test_a_store_that_stays_away_leaves_nothing_that_counts(
    gateway: State, once: IdempotentRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was begun cannot be looked for there: it has expired, and is swept once the store is back."""

    def away(*_: object) -> str:
        raise StoreUnavailable("it went away")

    with monkeypatch.context() as patch:
        for name in ("create", "unfinished"):
            patch.setattr(MultipartUploads, name, away)
        with pytest.raises(StoreUnavailable):
            direct.begin(once, REQUEST)
    (left,) = uploads_of(once)
    with gateway.database.transaction() as session:
        assert open_uploads(session, once.caller.owner_id, None, 10) == []
        assert left in {row.id for row in take_expired(session, "wrt_sweeper", 1_000)}


def test_a_beginning_that_is_not_committed_leaves_nothing_in_the_store(
    gateway: State, once: IdempotentRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a row nor the store's upload."""
    create, made = MultipartUploads.create, list[tuple[str, str]]()

    def noted(uploads: MultipartUploads, key: str, media_type: str) -> str:
        made.append((key, create(uploads, key, media_type)))
        return made[-1][1]

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(MultipartUploads, "create", noted)
    monkeypatch.setattr(direct, "begin_parts", fail)
    with pytest.raises(ZeroDivisionError):
        direct.begin(once, REQUEST)
    ((key, multipart_id),) = made
    assert uploads_of(once) == []
    assert multipart_id not in gateway.store.multipart.unfinished(key)


def sent(once: IdempotentRequest) -> str:
    """An upload with a job, whose part is in the store; its id."""
    content = tone_wav(0.2, seed=uuid4().int % 2**32)
    job = JobRequest.model_validate({"tasks": ["classify"], "options": {"classify": {"model": "environment-10"}}})
    sha256 = hashlib.sha256(content).hexdigest()
    request = UploadRequest(filename="a.wav", size_bytes=len(content), sha256=sha256, job=job)
    begun = direct.begin(once, request).body
    assert httpx.put(begun.links.items[0].url, content=content, timeout=60).status_code == 200
    return begun.upload.id


def completed(state: State, once: IdempotentRequest, upload_id: str) -> UploadRow:
    return asyncio.run(direct.complete(state, once.caller, upload_id, CompleteRequest()))


@pytest.mark.parametrize(
    ("asked", "error"), [("{}", UnknownModel), ('{"tasks": ["a task of a newer release"]}', InvalidRequest)]
)
def test_a_job_that_this_gateway_does_not_take_costs_no_byte(
    gateway: State, once: IdempotentRequest, tmp_path: Path, asked: str, error: type[PhonoscopeError]
) -> None:
    """As in a rolling upgrade: all parts are there for another one, which is asked again."""
    upload_id = sent(once)
    before = direct.kept_parts(gateway, once.caller.owner_id, upload_id).items
    set_asked = text("UPDATE uploads SET asked = asked || CAST(:asked AS jsonb) WHERE id = :id RETURNING asked")
    with gateway.database.transaction() as session:
        was = session.scalar(text("SELECT asked::text FROM uploads WHERE id = :id"), {"id": upload_id})
        session.execute(set_asked, {"id": upload_id, "asked": asked})
    with pytest.raises(error):
        completed(replace(gateway, models=LiveCatalogue(tmp_path)), once, upload_id)
    assert read_upload(gateway, once.caller.owner_id, upload_id).status is UploadStatus.OPEN
    (kept,) = direct.kept_parts(gateway, once.caller.owner_id, upload_id).items
    assert (kept.number, kept.size_bytes, kept.etag) == (1, before[0].size_bytes, "")
    with gateway.database.transaction() as session:
        session.execute(set_asked, {"id": upload_id, "asked": was})
    ended = completed(gateway, once, upload_id)
    assert (ended.status, bool(ended.job_id)) == (UploadStatus.FINISHED, True)


def test_an_upload_that_the_store_lost_has_ended(gateway: State, once: IdempotentRequest) -> None:
    """As where a rule of the bucket aborted it: there are no parts to go on with."""
    upload_id = sent(once)
    row = read_upload(gateway, once.caller.owner_id, upload_id)
    gateway.store.multipart.abort(whole_of(upload_id), row.multipart_id or "")
    with pytest.raises(UploadEnded, match="begin another"):
        direct.kept_parts(gateway, once.caller.owner_id, upload_id)
