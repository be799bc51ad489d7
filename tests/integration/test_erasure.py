"""What is stored and erased in two places: the database and the store agree, or the orphan sweep makes them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from threading import Event
from uuid import uuid4

import pytest
from sqlalchemy import text

from phonoscope.catalogue import LiveCatalogue
from phonoscope.db.access.engine import Database
from phonoscope.db.library.tracks import find_track, get_track
from phonoscope.db.schema.tables import OwnerRow, TrackRow
from phonoscope.db.service.audit import Actor
from phonoscope.db.service.idempotency import Answer, keep_answer, reserve
from phonoscope.db.service.idempotency import Reservation as Reserved
from phonoscope.erasure import erase_track
from phonoscope.errors import DatabaseUnavailable, NotFound
from phonoscope.settings import Settings
from phonoscope.storage import ObjectStore
from phonoscope.waker import Waker
from phonoscope_courier.pruning import Pruner
from phonoscope_courier.sweeper import Sweeper
from phonoscope_gateway.forms import Upload
from phonoscope_gateway.listener import JobListener
from phonoscope_gateway.state import State
from phonoscope_gateway.tracks.service import create_track_and
from tests.integration.life import empty, new_track
from tests.lossy import LossyServer, lossy
from tests.support import RunningStack, tone_wav


@pytest.fixture
def settings(stack: RunningStack, database: Database) -> Settings:
    """A bucket of its own, in which orphans are erased at once."""
    empty(database)
    with database.transaction() as session:
        session.execute(text("DELETE FROM walks"))
    own = stack.settings.model_copy(update={"orphan_grace_s": 1e-3, "s3_bucket": f"erase-{uuid4().hex}"})
    ObjectStore(own).ensure_bucket()
    return own


@pytest.fixture
def store(settings: Settings) -> ObjectStore:
    return ObjectStore(settings)


@pytest.fixture
def away(settings: Settings) -> ObjectStore:
    """The store, at a port where nothing listens."""
    return ObjectStore(settings.model_copy(update={"s3_endpoint_url": "http://127.0.0.1:1"}))


def sweeper(database: Database, settings: Settings, store: ObjectStore) -> Sweeper:
    return Sweeper(database, Waker(settings.broker_url.get_secret_value()), store, settings)


def stored(database: Database, store: ObjectStore) -> TrackRow:
    """A track with its recording and what a worker left that died."""
    track = new_track(database)
    key = f"tracks/{track.id}/original"
    with database.transaction() as session:
        session.execute(text("UPDATE tracks SET object_key = :key WHERE id = :id"), {"key": key, "id": track.id})
    for each in (key, f"tracks/{track.id}/describe/lease_of_the_dead/a.png"):
        store.put(each, io.BytesIO(b"bytes"), "audio/wav")
    return track


def keep(database: Database, track: TrackRow) -> None:
    """An answer to an upload, with its file name."""
    body = {"id": track.id, "filename": "my diary.wav"}
    with database.transaction() as session:
        reservation = reserve(session, track.owner_id, "key", "sha")
        assert isinstance(reservation, Reserved)
        keep_answer(session, reservation, Answer(201, f"/v1/tracks/{track.id}", body))


def kept(database: Database, track: TrackRow) -> list[object]:
    """The bodies of all kept answers of the track's owner."""
    bodies = text("SELECT body FROM idempotency_keys WHERE owner_id = :owner_id")
    with database.transaction() as session:
        return list(session.connection().scalars(bodies, {"owner_id": track.owner_id}))


def test_a_track_is_erased_everywhere(database: Database, store: ObjectStore) -> None:
    """Rows, kept answers and every object, and a second time there is nothing to erase."""
    track = stored(database, store)
    keep(database, track)
    assert erase_track(database, store, Actor(track.owner_id), track.id) == 2
    assert (store.keys(), kept(database, track)) == ([], [None])
    with pytest.raises(NotFound):
        erase_track(database, store, Actor(track.owner_id), track.id)


def test_retention_erases_kept_answers_too(database: Database, settings: Settings, store: ObjectStore) -> None:
    """No file name outlives its recording."""
    track = stored(database, store)
    keep(database, track)
    with database.transaction() as session:
        session.execute(text("UPDATE tracks SET created_at = now() - interval '2 days'"))
    Pruner(database, store, settings.model_copy(update={"retention_days": 1.0})).prune(Event())
    assert (store.keys(), kept(database, track)) == ([], [None])


def test_what_a_store_that_was_away_still_has_is_erased_later(
    database: Database, settings: Settings, store: ObjectStore, away: ObjectStore
) -> None:
    """The track is gone at once; its objects go with the orphan sweep."""
    track = stored(database, store)
    assert erase_track(database, away, Actor(track.owner_id), track.id) == 0
    assert len(store.keys()) == 2
    with pytest.raises(NotFound), database.transaction() as session:
        get_track(session, track.owner_id, track.id)
    assert sweeper(database, settings, store).tidy() == 2
    assert store.keys() == []


def test_an_erasure_that_is_not_committed_erases_no_object(database: Database, store: ObjectStore) -> None:
    """Objects go after their rows, so that no row is left without its bytes."""
    track = stored(database, store)
    with database.transaction() as session:
        session.execute(text("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END'"))
        trigger = "CREATE CONSTRAINT TRIGGER refuse AFTER DELETE ON tracks DEFERRABLE INITIALLY DEFERRED"
        session.execute(text(f"{trigger} FOR EACH ROW EXECUTE FUNCTION refuse()"))
    try:
        with pytest.raises(Exception, match="no"):
            erase_track(database, store, Actor(track.owner_id), track.id)
        assert len(store.keys()) == 2
    finally:
        with database.transaction() as session:
            session.execute(text("DROP TRIGGER refuse ON tracks; DROP FUNCTION refuse()"))


@pytest.fixture
def in_the_middle(database_url: str) -> Iterator[tuple[LossyServer, str]]:
    with lossy(database_url) as server:
        yield server


@pytest.fixture
def state(
    settings: Settings, store: ObjectStore, in_the_middle: tuple[LossyServer, str]
) -> Iterator[tuple[State, LossyServer]]:
    """A gateway's, whose way to the database may lose answers."""
    server, url = in_the_middle
    database = Database(url, pool_size=1)
    waker = Waker(settings.broker_url.get_secret_value())
    state = State(settings, database, store, waker, LiveCatalogue(settings.models_dir), JobListener(url))
    yield state, server
    state.threads.shutdown()
    database.close()


@pytest.fixture
def owner_id(database: Database) -> str:
    owner_id = f"own_{uuid4().hex}"
    with database.transaction() as session:
        session.add(OwnerRow(id=owner_id, name=owner_id))
    return owner_id


def upload() -> Upload:
    content = tone_wav(0.2)
    return Upload(io.BytesIO(content), "tone.wav", hashlib.sha256(content).hexdigest(), len(content))


def test_an_upload_whose_commit_went_through_unseen_keeps_its_bytes(
    state: tuple[State, LossyServer], database: Database, owner_id: str
) -> None:
    """The answer to the commit is lost; the row is there, and so is what it names."""
    gateway, server = state

    def lose_one(*_: object) -> None:
        server.loses = True

    with pytest.raises(DatabaseUnavailable, match="not known"):
        create_track_and(gateway, owner_id, upload(), lose_one)
    with database.transaction() as session:
        row = find_track(session, owner_id, upload().sha256)
    assert row is not None
    assert gateway.store.keys() == [row.object_key]


def test_an_upload_that_was_not_committed_leaves_no_object(
    state: tuple[State, LossyServer], database: Database, owner_id: str
) -> None:
    """The database says that there is no row."""
    gateway, _ = state

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        create_track_and(gateway, owner_id, upload(), fail)
    assert gateway.store.keys() == []


@pytest.mark.parametrize("commits", [True, False])
def test_where_the_database_cannot_say_the_object_is_left_to_the_sweep(
    state: tuple[State, LossyServer], database: Database, owner_id: str, commits: bool
) -> None:
    """Which keeps it when its row is there, and erases it otherwise."""
    gateway, server = state

    def go_away(*_: object) -> None:
        server.refuses = True
        server.loses = commits
        if not commits:
            server.cut()

    with pytest.raises(DatabaseUnavailable):
        create_track_and(gateway, owner_id, upload(), go_away)
    assert len(gateway.store.keys()) == 1
    assert sweeper(database, gateway.settings, gateway.store).tidy() == (0 if commits else 1)
    assert len(gateway.store.keys()) == (1 if commits else 0)
