"""A worker's objects: stored before its end is committed, taken away again when it is not."""

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
from phonoscope_worker.retry import patiently

_log = get_logger(__name__)


class Objects:
    """What one attempt has put into the store."""

    def __init__(self, store: ObjectStore, claim: Claim) -> None:
        self._store = store
        self._claim = claim
        self._keys: list[str] = []

    def put(self, outcomes: Mapping[TaskName, Outcome]) -> None:
        """Stores every artifact and closes its file. Raises ``StoreUnavailable`` when the store is away for long."""
        for task, outcome in outcomes.items():
            for artifact in outcome.artifacts:
                key = self._claim.object_key(task, artifact)
                self._keys.append(key)
                with artifact.open() as file:
                    patiently(partial(self._store.put, key, file, artifact.media_type))

    def discard(self, but: set[str] | None = None) -> None:
        """Takes them away again. What the store does not give up now is erased with the track."""
        keys = [key for key in self._keys if key not in (but or set())]
        try:
            self._store.delete(keys)
        except Unavailable:
            _log.warning("object.left_behind", keys=keys)

    def discard_uncommitted(self, database: Database) -> None:
        """Takes away what no row speaks of; nothing when the database cannot say, for a row may speak of it."""
        if not self._keys:
            return
        try:
            with database.transaction() as session:
                committed = committed_keys(session, self._claim)
        except Unavailable:
            _log.warning("object.left_behind", keys=self._keys)
        else:
            self.discard(committed)


@contextmanager
def objects_of(claim: Claim, store: ObjectStore, database: Database) -> Iterator[Objects]:
    """An attempt's objects; an error inside takes away those that were not committed."""
    objects = Objects(store, claim)
    try:
        yield objects
    except BaseException:
        objects.discard_uncommitted(database)
        raise
