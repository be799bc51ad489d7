"""The sweeper against a real database and a real store."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.db.access.engine import Database
from phonoscope.db.access.locks import Lock, try_lock
from phonoscope.db.library.clips import clips_owner
from phonoscope.db.library.uploads import (
    add_upload,
    finish_upload,
    folder_of,
    forget_upload,
    refuse_upload,
    renew_upload,
    take_expired,
    whole_of,
)
from phonoscope.db.schema.uploads import UploadRow
from phonoscope.db.service.keys import create_key
from phonoscope.db.service.workers import beat_worker, live_workers
from phonoscope.erasure import erase_upload
from phonoscope.errors import NotFound, UploadBusy
from phonoscope.ids import new_id
from phonoscope.settings import Settings
from phonoscope.states import Lane, Pool, Status, UploadStatus
from phonoscope.storage import ObjectStore
from phonoscope.waker import Waker
from phonoscope_courier import pruning
from phonoscope_courier import sweeper as module
from phonoscope_courier.pruning import Pruner
from phonoscope_courier.sweeper import Sweeper
from tests.integration.life import claimed, empty, new_job, new_track, read
from tests.support import Recorded


@pytest.fixture
def sweeper(database: Database, server_settings: Settings) -> Sweeper:
    """It erases at once, from a bucket of its own, and its messages go where nobody listens."""
    empty(database)
    with database.transaction() as session:
        session.execute(text("DELETE FROM walks"))
    settings = server_settings.model_copy(update={"orphan_grace_s": 1e-3, "s3_bucket": f"sweep-{uuid4().hex}"})
    store = ObjectStore(settings)
    store.ensure_bucket()
    broker = server_settings.broker_url.get_secret_value().rpartition("/")[0] + "/9"
    return Sweeper(database, Waker(broker), store, settings)


def put(sweeper: Sweeper, key: str) -> str:
    sweeper.store.put(key, io.BytesIO(b"bytes"), "audio/wav")
    return key


def test_a_silent_worker_s_task_is_handed_back_when_that_is_sure(
    sweeper: Sweeper, database: Database, monkeypatch: pytest.MonkeyPatch, recorded: Recorded
) -> None:
    """Not at the first sight of an expired lease: the clock may have jumped."""
    job = new_job(database, new_track(database))
    claimed(database)
    with database.transaction() as session:
        session.execute(text("UPDATE tasks SET lease_expires_at = now() - interval '1 s'"))
    sweeper.sweep()
    assert read(database, job).status is Status.RUNNING
    assert recorded("lease_losses_total", found_by="sweeper") == 0
    monkeypatch.setattr(module, "BELIEVED_AFTER_S", 0.0)
    sweeper.sweep()
    assert read(database, job).status is Status.QUEUED
    assert recorded("lease_losses_total", found_by="sweeper") == 1


def test_lost_messages_are_sent_again(sweeper: Sweeper, database: Database) -> None:
    """One for each queue in which a job waits, once."""
    new_job(database, new_track(database))
    assert sweeper.sweep() == 0
    with database.transaction() as session:
        session.execute(text("UPDATE tasks SET sent_at = now() - interval '1 hour'"))
    assert (sweeper.sweep(), sweeper.sweep()) == (1, 0)


def test_one_sweeper_works_at_a_time(sweeper: Sweeper, database: Database) -> None:
    """While another holds the lock nothing is done twice."""
    new_job(database, new_track(database))
    with database.transaction() as other:
        other.execute(text("UPDATE tasks SET sent_at = now() - interval '1 hour'"))
    with database.transaction() as other:
        assert try_lock(other, Lock.SWEEP)
        assert sweeper.sweep() == 0
    assert sweeper.sweep() == 1


def test_objects_that_no_row_knows_are_erased(sweeper: Sweeper, database: Database) -> None:
    """What a track has stays, and what an attempt under way has written."""
    track = new_track(database)
    with database.transaction() as session:
        session.execute(text("UPDATE tracks SET object_key = :key"), {"key": f"tracks/{track.id}/original"})
    new_job(database, track)
    held = claimed(database)
    kept = [
        put(sweeper, f"tracks/{track.id}/original"),
        put(sweeper, f"tracks/{track.id}/classify/{held.token}/a.png"),
    ]
    put(sweeper, f"tracks/{track.id}/classify/lease_of_the_dead/a.png")
    put(sweeper, "tracks/trk_nobody/original")
    assert sweeper.tidy() == 2
    assert sorted(sweeper.store.keys()) == sorted(kept)


def test_young_objects_are_left_alone(sweeper: Sweeper) -> None:
    """Their row may be on its way."""
    sweeper.settings = sweeper.settings.model_copy(update={"orphan_grace_s": 3600.0})
    key = put(sweeper, "tracks/trk_new/original")
    assert (sweeper.tidy(), sweeper.store.keys()) == (0, [key])


class CountedStore(ObjectStore):
    """Counts the pages of recordings that it lists, and waits before each for as long as it is told to."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.listed = self.pages_read = 0
        self.listing, self.go_on = Event(), Event()
        self.go_on.set()

    def pages(self, prefix: str = "", *, after: str = "", size: int = 1000) -> Iterator[list[tuple[str, datetime]]]:
        if prefix != "tracks/":
            yield from super().pages(prefix, after=after, size=size)
            return
        self.listed += 1
        for page in super().pages(prefix, after=after, size=size):
            self.pages_read += 1
            self.listing.set()
            assert self.go_on.wait(20)
            yield page


def colleague(sweeper: Sweeper, **settings: float) -> tuple[Sweeper, CountedStore]:
    """Another courier's sweeper, at the same bucket."""
    own = sweeper.settings.model_copy(update=settings)
    store = CountedStore(own)
    return Sweeper(sweeper.database, sweeper.waker, store, own), store


def test_clips_that_a_search_left_are_erased(sweeper: Sweeper, database: Database) -> None:
    """Rows and objects, once no search can still need them, and the audit log says nothing of them."""
    track = new_track(database)
    put(sweeper, f"tracks/{track.id}/original")
    with database.transaction() as session:
        holder = clips_owner(session, track.owner_id)
        session.execute(text("UPDATE tracks SET owner_id = :holder"), {"holder": holder})
    sweeper.settings.orphan_grace_s = 3600.0
    sweeper._tidy("")
    assert tracks_of(database) == 1
    with database.transaction() as session:
        session.execute(text("UPDATE tracks SET created_at = now() - interval '1 hour'"))
    sweeper._tidy("")
    assert tracks_of(database) == 0
    assert list(sweeper.store.keys("tracks/")) == []
    with database.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM audit_log WHERE owner_id = :id"), {"id": holder}) == 0


def tracks_of(database: Database) -> int:
    with database.transaction() as session:
        return session.scalar(text("SELECT count(*) FROM tracks")) or 0


def test_one_courier_tidies_at_a_time(sweeper: Sweeper) -> None:
    """While one looks through the bucket another does nothing, not even list it."""
    put(sweeper, "tracks/trk_nobody/original")
    (slow, at_work), (other, idle) = colleague(sweeper), colleague(sweeper)
    at_work.go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        tidying = pool.submit(slow.tidy)
        assert at_work.listing.wait(20)
        assert (other.tidy(), idle.listed) == (0, 0)
        at_work.go_on.set()
        assert tidying.result(20) == 1
    assert (other.tidy(), idle.listed) == (0, 1)


def test_couriers_tidy_once_a_minute_together(sweeper: Sweeper) -> None:
    """However many there are, a round is a round."""
    stores = []
    for _ in range(3):
        courier, store = colleague(sweeper, orphan_grace_s=3600.0)
        courier.tidy()
        stores.append(store)
    assert [store.listed for store in stores] == [1, 0, 0]


def test_a_round_goes_on_where_the_one_before_stopped(sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever courier's it is; after the end the walk begins again, and no round looks at more than its share."""
    monkeypatch.setattr(module, "_PAGE_KEYS", 2)
    monkeypatch.setattr(module, "_PAGES_A_ROUND", 2)
    for number in range(9):
        put(sweeper, f"tracks/trk_{number}/original")
    erased = []
    for _ in range(3):
        courier, store = colleague(sweeper)
        erased.append(courier.tidy())
        assert store.pages_read <= 3
    assert (erased, sweeper.store.keys()) == ([4, 4, 1], [])
    put(sweeper, "tracks/trk_0/original")
    assert sweeper.tidy() == 1


def test_workers_of_long_ago_are_forgotten(sweeper: Sweeper, database: Database) -> None:
    """By the sweeper alone: a heartbeat writes its own row and no other."""
    with database.transaction() as session:
        for worker in ("old", "young"):
            beat_worker(session, worker, Pool.CPU, list(Lane), "host", "cpu")
        session.execute(text("UPDATE workers SET heartbeat_at = now() - interval '25 hours' WHERE id = 'old'"))
        beat_worker(session, "young", Pool.CPU, list(Lane), "host", "cpu")
        assert session.scalar(text("SELECT count(*) FROM workers WHERE id IN ('old', 'young')")) == 2
    sweeper.tidy()
    with database.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM workers WHERE id = 'old'")) == 0
        assert "young" in {row.id for row in live_workers(session)}
        session.execute(text("DELETE FROM workers"))


def new_upload(sweeper: Sweeper, status: UploadStatus = UploadStatus.OPEN) -> str:
    """An upload whose time is over, with a piece."""
    upload_id = new_id("upl")
    with sweeper.database.transaction() as session:
        row = UploadRow(
            id=upload_id, owner_id=upload_owner(session), status=status, filename="a.wav", said="", size_bytes=9
        )
        add_upload(session, row, timedelta(seconds=-1))
    put(sweeper, f"{folder_of(upload_id)}pce_1")
    return upload_id


def upload_owner(session: Session) -> str:
    name = f"owner-{uuid4()}"
    create_key(session, name)
    return str(session.scalar(text("SELECT id FROM owners WHERE name = :name"), {"name": name}))


def prune(sweeper: Sweeper) -> None:
    """A round of the same courier's pruner, which ends what is over."""
    assert not Pruner(sweeper.database, sweeper.store, sweeper.settings).prune(Event())


def kept_uploads(sweeper: Sweeper) -> set[str]:
    with sweeper.database.transaction() as session:
        return set(session.scalars(text("SELECT id FROM uploads")))


def test_abandoned_uploads_are_erased(sweeper: Sweeper) -> None:
    """Row and pieces, of those that have ended too; one that a request writes to at this moment stays."""
    left, ended, written = new_upload(sweeper), new_upload(sweeper, UploadStatus.FINISHED), new_upload(sweeper)
    with sweeper.database.transaction() as session:
        session.execute(
            text("UPDATE uploads SET writer = 'wrt_1', writer_until = now() + interval '1 h' WHERE id = :id"),
            {"id": written},
        )
    prune(sweeper)
    assert kept_uploads(sweeper) & {left, ended, written} == {written}
    assert f"{folder_of(left)}pce_1" not in sweeper.store.keys("uploads/")
    # What its end could not erase while the store was away.
    sweeper.tidy()
    assert sweeper.store.keys("uploads/") == [f"{folder_of(written)}pce_1"]


@pytest.mark.parametrize("status", [UploadStatus.OPEN, UploadStatus.FINISHED])
def test_uploads_are_erased_as_fast_as_they_expire(
    sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch, status: UploadStatus
) -> None:
    """In one round, however many batches that takes; what another transaction holds is not waited for."""
    monkeypatch.setattr(pruning, "_UPLOADS_AT_ONCE", 2)
    monkeypatch.setattr(pruning, "_FINISHED_UPLOADS_AT_ONCE", 2)
    held, *others = [new_upload(sweeper, status) for _ in range(8)]
    with sweeper.database.transaction() as session:
        session.execute(text("SELECT FROM uploads WHERE id = :id FOR UPDATE"), {"id": held})
        prune(sweeper)
        assert kept_uploads(sweeper) & {held, *others} == {held}
    prune(sweeper)
    assert held not in kept_uploads(sweeper)


def test_an_upload_that_cannot_be_erased_holds_up_no_other(sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its error is; its row stays, for another day."""
    bad, good = new_upload(sweeper), new_upload(sweeper)
    erase = erase_upload

    def erasing(database: Database, store: ObjectStore, upload: UploadRow, writer: str) -> int:
        if upload.id == bad:
            raise ValueError
        return erase(database, store, upload, writer)

    monkeypatch.setattr(pruning, "erase_upload", erasing)
    prune(sweeper)
    assert kept_uploads(sweeper) & {bad, good} == {bad}


@pytest.mark.parametrize("known", [True, False])
def test_parts_of_abandoned_uploads_are_erased(sweeper: Sweeper, known: bool) -> None:
    """Also of one whose gateway died before it had noted the store's identifier; another upload's parts stay."""
    store, left, other = sweeper.store, new_id("upl"), f"{whole_of(new_id('upl'))}"
    key = whole_of(left)
    multipart_id, others_id = (store.multipart.create(each, "audio/wav") for each in (key, other))
    for each, its_id in ((key, multipart_id), (other, others_id)):
        httpx.put(store.multipart.link(each, its_id, 1, 60), content=b"bytes").raise_for_status()
    with sweeper.database.transaction() as session:
        facts = {"status": UploadStatus.OPEN, "filename": "a.wav", "said": "", "size_bytes": 9, "part_bytes": 5 << 20}
        row = UploadRow(id=left, owner_id=upload_owner(session), multipart_id=multipart_id if known else None, **facts)
        add_upload(session, row, timedelta(seconds=-1))
    assert [part.size_bytes for part in store.multipart.parts(key, multipart_id)] == [5]
    prune(sweeper)
    assert left not in kept_uploads(sweeper)
    with pytest.raises(NotFound):
        list(store.multipart.parts(key, multipart_id))
    assert [part.size_bytes for part in store.multipart.parts(other, others_id)] == [5]


def test_a_request_that_lost_its_upload_to_the_sweeper_makes_no_track(sweeper: Sweeper) -> None:
    """Its commit is refused, so that what is erased is not half there."""
    upload_id = new_upload(sweeper)
    with sweeper.database.transaction() as session:
        assert [row.id for row in take_expired(session, "wrt_sweeper", 100)] == [upload_id]
    changes: tuple[Callable[[Session], None], ...] = (
        lambda session: finish_upload(session, upload_id, "wrt_gateway", "trk_1", None, timedelta(days=1)),
        lambda session: refuse_upload(session, upload_id, "wrt_gateway", {}, timedelta(days=1)),
        lambda session: renew_upload(session, upload_id, "wrt_gateway"),
    )
    for change in changes:
        with pytest.raises(UploadBusy), sweeper.database.transaction() as session:
            change(session)
    prune(sweeper)
    assert upload_id in kept_uploads(sweeper)
    with sweeper.database.transaction() as session:
        forget_upload(session, upload_id, "wrt_sweeper")


def test_pieces_without_an_upload_are_erased(sweeper: Sweeper) -> None:
    """As of an owner who was erased, or of a gateway that died; those of an upload stay."""
    put(sweeper, "uploads/upl_never/pce_1")
    assert sweeper.tidy() == 1
    assert sweeper.store.keys("uploads/") == []
