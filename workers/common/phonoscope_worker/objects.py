"""The objects of one attempt: stored before its end is committed, erased when it is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from phonoscope.db.access.engine import Database
from phonoscope.db.tasks.finish import committed_keys
from phonoscope.errors import Unavailable
from phonoscope.logs import get_logger
from phonoscope.states import TaskName
from phonoscope.storage import ObjectStore
from phonoscope.work import Claim, Outcome
from phonoscope_worker.store_retry import retrying_store

_log = get_logger(__name__)


class AttemptObjects:
    """The objects that one attempt has stored."""

    def __init__(self, claim: Claim, store: ObjectStore, database: Database) -> None:
        self._claim = claim
        self._store = store
        self._database = database
        self._keys: list[str] = []

    def put(self, outcomes: Mapping[TaskName, Outcome]) -> None:
        """Stores every artifact and closes its file. Raises ``StoreUnavailable`` when the store stays down."""
        for task, outcome in outcomes.items():
            for artifact in outcome.artifacts:
                key = self._claim.object_key(task, artifact)
                self._keys.append(key)
                with artifact.open() as file:
                    retrying_store(partial(self._store.put, key, file, artifact.media_type))

    def discard_uncommitted(self) -> None:
        """Erases objects without a row; nothing when the database is down, for a row may refer to them.

        Objects that the store cannot erase now are erased with the track.
        """
        keys, self._keys = self._keys, []
        if not keys:
            return
        try:
            with self._database.transaction() as session:
                committed = committed_keys(session, self._claim)
            self._store.delete([key for key in keys if key not in committed])
        except Unavailable:
            _log.warning("object.left_behind", keys=keys)


@contextmanager
def attempt_objects(claim: Claim, store: ObjectStore, database: Database) -> Iterator[AttemptObjects]:
    """An attempt's objects; an error inside erases those that were not committed."""
    objects = AttemptObjects(claim, store, database)
    try:
        yield objects
    except BaseException:
        objects.discard_uncommitted()
        raise
