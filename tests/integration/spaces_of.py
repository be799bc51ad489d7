"""Tracks embedded in spaces, as workers and the courier do it, without either."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import uuid4

from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.access.locks import Lock, lock_of_connection
from phonoscope.db.schema.tables import TrackRow
from phonoscope.db.service.audit import Actor
from phonoscope.db.spaces.listing import Held, list_spaces
from phonoscope.db.spaces.reading import reading_space
from phonoscope.db.spaces.reembedding import ask, go_on, under_way
from phonoscope.settings import Settings
from phonoscope.states import TaskName, TaskQueue
from phonoscope.waker import Waker
from phonoscope.work import Claim, Outcome, Space
from phonoscope_courier.reembedding import Reembedder
from phonoscope_local.processes import wait_until
from tests.integration.life import ONE, claimed, end, new_job, new_track
from tests.integration.test_windows import windows
from tests.support import RunningStack, columns_of

BEFORE, NOW, LATER = (Space("m", f"sha256:{name}") for name in ("before", "now", "later"))
BROKEN = {"type": "about:blank", "title": "broken", "status": 500, "detail": "broken", "code": "task_failed"}
_MEASURED = text("UPDATE spaces SET recall = :recall, recall_sample = :queries, recall_at = now() WHERE model = :model")
_FORGOTTEN = text("UPDATE spaces SET recall = NULL, recall_sample = NULL, recall_at = NULL WHERE model = :model")


def further_track(database: Database, first: TrackRow) -> TrackRow:
    """Another track of the same owner."""
    track_id = f"trk_{uuid4().hex}"
    with database.transaction() as session:
        session.add(TrackRow(**columns_of(first) | {"id": track_id, "sha256": track_id}))
    with database.transaction() as session:
        return session.get_one(TrackRow, track_id)


def ended(database: Database, held: Claim, *spaces: Space, stems: tuple[str, ...] = ("",)) -> None:
    """Ends an embedding with a vector and a window in these spaces."""
    end(database, held, embed=outcome_in(*spaces, stems=stems))


def outcome_in(*spaces: Space, stems: tuple[str, ...] = ("",)) -> Outcome:
    """An embedding's, with a vector and a window in these spaces."""
    vectors = {space: dict.fromkeys(stems, ONE) for space in spaces}
    kept = {space: dict.fromkeys(stems, windows((0.5, 0.5, 0.5))) for space in spaces}
    return Outcome({"b": 2}, None, "m", spaces[0].digest, vectors=vectors, windows=kept)


def embedded(database: Database, track: TrackRow, *spaces: Space, stems: tuple[str, ...] = ("",)) -> TrackRow:
    new_job(database, track, [TaskName.EMBED])
    ended(database, claimed(database), *spaces, stems=stems)
    return track


def library(database: Database, *spaces: Space, tracks: int = 3) -> list[TrackRow]:
    """The tracks of a new owner, all embedded in these spaces."""
    first = embedded(database, new_track(database), *spaces)
    return [first, *(embedded(database, further_track(database, first), *spaces) for _ in range(tracks - 1))]


def read_by(database: Database, owner_id: str, served: Space = NOW, stem: str = "") -> Space:
    with database.transaction() as session:
        return reading_space(session, owner_id, served, stem)


def listed(database: Database, owner_id: str | None = None, served: Space = NOW) -> dict[Space, Held]:
    with database.transaction() as session:
        found = list_spaces(session, {served}, owner_id)
        return {Space(held.row.model, held.row.digest): held for held in found}


def id_of(database: Database, space: Space) -> int:
    with database.transaction() as session:
        number: int = session.scalar(text("SELECT id FROM spaces WHERE digest = :digest"), {"digest": space.digest})
        return number


def asked(database: Database, actor: Actor | None = None, served: Space = NOW) -> list[str]:
    with database.transaction() as session:
        return [row.digest for row in ask(session, {served: "m"}, actor)]


def rounds(database: Database) -> list[TaskQueue]:
    """One round of the courier, without its message."""
    with database.transaction() as session:
        found = under_way(session)
    return [queue for each in found for queue in go_on(database, each)]


def reembedder(database: Database, settings: Settings) -> Reembedder:
    """A courier's, whose messages reach nobody."""
    return Reembedder(database, Waker(settings.broker_url.get_secret_value().rpartition("/")[0] + "/9"))


def waiting_jobs(database: Database) -> set[str]:
    """The owners for whom jobs wait."""
    with database.transaction() as session:
        return set(session.scalars(text("SELECT owner_id FROM jobs WHERE status = 'queued'")))


@contextmanager
def recall_of(stack: RunningStack, model: str, recall: float, queries: int) -> Iterator[None]:
    """What was measured of a model's space; meanwhile no courier measures it."""
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)

    def is_free() -> bool:
        return held.enter_context(lock_of_connection(session, Lock.INDEX))

    try:
        with database.autocommit() as session, ExitStack() as held:
            assert wait_until(is_free, 60.0)
            session.execute(_MEASURED, {"model": model, "recall": recall, "queries": queries})
            try:
                yield
            finally:
                session.execute(_FORGOTTEN, {"model": model})
    finally:
        database.close()
