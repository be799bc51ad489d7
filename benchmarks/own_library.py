"""An owner's library in PostgreSQL, and tasks about it, which run as a worker of the CPU pool runs them."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import psutil
from common import servers
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from phonoscope.contract import JobOptions
from phonoscope.db.access.engine import Database
from phonoscope.db.access.migrate import migrate
from phonoscope.db.classifiers.applying import begin_labelling
from phonoscope.db.classifiers.examples import MOST_OTHERS, Lesson, read_lesson
from phonoscope.db.classifiers.trials import MOST_TRIED, Trials, read_trials
from phonoscope.db.schema.tables import OwnerRow
from phonoscope.db.tasks.claim import claim_next
from phonoscope.db.tasks.create import create_job
from phonoscope.db.tasks.finish import end_tasks
from phonoscope.states import Lane, Pool, TaskName, TaskQueue
from phonoscope.work import Claim, Library, Outcome, Space
from phonoscope_worker import Work

OWNER = "own_bench"
_AT_ONCE = 1_000
"""Tracks that are stored in one transaction."""

_TRACKS = text(
    """
    INSERT INTO tracks (id, owner_id, sha256, filename, size_bytes, media_type, container, codec, sample_rate_hz,
                        channels, duration_s, warnings, object_key)
    SELECT md5(n::text), :owner_id, n::text, n || '.wav', 1, 'audio/wav', 'wav', 'pcm_s16le', 1, 1,
           2.5 * (:windows + 1), '[]', n::text
    FROM generate_series(:first, :last) AS n
    """
)


@dataclass
class Ran:
    """A task that ran.

    Args:
        seconds: of the task, and ``end_s`` of writing its end.
        timings: seconds by stage.
        longest_s: the longest time between two reports.
        cpu_s: the processor time of worker and PostgreSQL together, up to the task's end.
    """

    body: dict[str, Any]
    seconds: float
    end_s: float
    timings: dict[str, float]
    longest_s: float
    cpu_s: float


@dataclass(frozen=True)
class OwnLibrary:
    """An owner without tracks yet; ``server`` is PostgreSQL, whose children serve the connections."""

    database: Database
    server: psutil.Process

    def add_tracks(self, first: int, last: int, windows: int) -> None:
        """Tracks of so many windows, whose ids are the MD5 of these numbers; a commit counts them one by one."""
        for start in range(first, last + 1, _AT_ONCE):
            some = {"first": start, "last": min(start + _AT_ONCE - 1, last), "windows": windows}
            with self.database.transaction() as session:
                session.execute(_TRACKS, {"owner_id": OWNER, **some})

    def analyze(self) -> None:
        with self.database.autocommit() as session:
            session.execute(text("VACUUM ANALYZE"))

    def run(self, name: TaskName, lane: Lane, options: dict[str, Any], task: Callable[[Work], Outcome]) -> Ran:
        """Has a job made, and runs and ends it."""
        kept = JobOptions.model_validate({name.value: options}).model_dump(mode="json")
        with self.database.transaction() as session:
            create_job(session, Library(OWNER), [name], kept, {})
        with self.database.transaction() as session:
            claim = claim_next(session, TaskQueue(Pool.CPU, lane), "cpu", "bench")
        assert claim is not None
        started, moments, before = perf_counter(), [perf_counter()], self._cpu_s()
        work = self._work(claim, moments)
        outcome = task(work)
        done, cpu_s = perf_counter(), self._cpu_s() - before
        assert outcome.body is not None
        with self.database.transaction() as session:
            assert end_tasks(session, claim, {name: outcome}, {}) is not None
        longest_s = float(np.diff(moments).max())
        return Ran(outcome.body, done - started, perf_counter() - done, work.timings, longest_s, cpu_s)

    def _work(self, claim: Claim, moments: list[float]) -> Work:
        def report(_progress: float, _stage: str) -> None:
            moments.append(perf_counter())

        def lesson(name: str, space: Space | None) -> Lesson:
            with self.database.transaction() as session:
                return read_lesson(session, OWNER, name, MOST_OTHERS, space)

        def trials(name: str, spaces: Collection[Space]) -> Trials | None:
            with self.database.transaction() as session:
                return read_trials(session, OWNER, name, spaces, MOST_TRIED)

        options, labelling = JobOptions.model_validate(claim.options), partial(begin_labelling, self.database, claim)
        return Work(claim, options, io.BytesIO(), report, lesson=lesson, trials=trials, labelling=labelling)

    def _cpu_s(self) -> float:
        return sum(sum(each.cpu_times()[:2]) for each in [psutil.Process(), *self.server.children()])


@contextmanager
def own_library() -> Iterator[OwnLibrary]:
    """A new owner on servers that run meanwhile."""
    with tempfile.TemporaryDirectory() as scratch, servers(folder := Path(scratch) / "stack") as settings:
        url = settings.database_url.get_secret_value()
        migrate(url)
        database = Database(url, pool_size=2)
        pid = (folder / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0]
        with database.transaction() as session:
            session.add(OwnerRow(id=OWNER, name=OWNER))
        yield OwnLibrary(database, psutil.Process(int(pid)))
        database.close()


def keep_vectors(session: Session, table: str, vectors: NDArray[np.float32]) -> None:
    """Puts vectors into a temporary table of ``id``, from 0 on, and ``vector``."""
    session.execute(text(f"CREATE TEMP TABLE {table} (id int PRIMARY KEY, vector halfvec(512)) ON COMMIT DROP"))
    given = "unnest(CAST(:vectors AS text[])) WITH ORDINALITY AS given (vector, n)"
    insert = text(f"INSERT INTO {table} SELECT n - 1, CAST(vector AS halfvec) FROM {given}")
    session.execute(insert, {"vectors": [str(np.round(row, 5).tolist()) for row in vectors]})


def units(vectors: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """The same directions, of length 1."""
    found: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return found
