"""What ``phonoscope doctor`` says of the servers, and of the programs that use them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING

from phonoscope.errors import StoreUnavailable
from phonoscope.errors.base import not_installed
from phonoscope.ids import new_id
from phonoscope_cli.finding import Finding, answering

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from phonoscope.db.access.engine import Database
    from phonoscope.settings import Settings
    from phonoscope.storage import ObjectStore

_OLDEST_PGVECTOR = (0, 8)
_START = "is the stack up? `phonoscope up --detach` starts it; its logs are in the data folder's logs/"


def services_findings(settings: Settings) -> Iterator[Finding]:
    """Whether the servers answer as they should, and which programs are alive."""
    if importlib.util.find_spec("sqlalchemy") is None:
        found = not_installed("sqlalchemy", "stores")
        yield Finding("services", False, found, "or run doctor where gateway, workers and courier run")
        return
    from phonoscope.db.access.engine import Database
    from phonoscope.storage import ObjectStore
    from phonoscope.waker import Waker

    database = Database(settings.database_url.get_secret_value(), pool_size=1)
    reached = answering("postgres", lambda: f"pgvector {database.ping()}", _START)
    yield _pgvector(reached)
    yield answering("broker", lambda: Waker(settings.broker_url.get_secret_value()).ping(), _START)
    stored = answering("object store", lambda: ObjectStore(settings).ping(), _START)
    yield stored
    if stored.well:
        yield direct_uploads_finding(settings)
    if reached.well:
        yield pooler_finding(database)
        with database.transaction() as session:
            schema = schema_finding(session)
            yield schema
            yield courier_finding(session)
            if schema.well:
                yield from workers_findings(session)
                yield from search_findings(session)
    database.close()


def schema_finding(session: Session) -> Finding:
    """Whether the tables are those that this release's programs need."""
    from phonoscope.db.access.migrate import knows_revision, newest_revision, present_revision

    needed, present = newest_revision(), present_revision(session)
    migrate = "run `phonoscope migrate` of this release, then start its programs"
    if present is None:
        return Finding("schema", False, "the database has no tables", migrate)
    if not knows_revision(present):
        return Finding("schema", False, f"{present} is of a newer release", "run the programs of that release")
    found = present if present == needed else f"{present}, and this release needs {needed}"
    return Finding("schema", present == needed, found, migrate)


def courier_finding(session: Session) -> Finding:
    """Whether a courier is connected: without one no webhook is sent, and nothing is swept or indexed."""
    from phonoscope.db.access.listeners import Listener, open_listeners

    count = open_listeners(session).count(Listener.COURIER)
    return Finding("courier", bool(count), f"{count} connected", f"start one: python -m phonoscope_courier; {_START}")


def pooler_finding(database: Database) -> Finding:
    """Whether a connection is to one process of PostgreSQL's for as long as it is open."""
    from sqlalchemy import text

    process = text("SELECT pg_backend_pid()")
    with database.autocommit() as idle:
        first = idle.scalar(process)
        with database.transaction() as busy:
            taken = busy.scalar(process)
            second = idle.scalar(process)
    if first == second != taken:
        return Finding("connections", True, "direct, or by a pooler in session mode")
    found = "a pooler gives each transaction another connection, so that notifications do not arrive"
    return Finding("connections", False, found, "reach PostgreSQL directly, or set the pooler to session mode")


def direct_uploads_finding(settings: Settings) -> Finding:
    """Whether a part can be sent to the store's public address, by a link, as clients do.

    Not being able to connect to it is no fault: clients may reach what this place, as inside a cluster, cannot.
    """
    subject, address = "direct uploads", settings.s3_public_endpoint_url
    if not address:
        found = "off: all bytes pass the gateway; PHONOSCOPE_S3_PUBLIC_ENDPOINT_URL turns them on"
        return Finding(subject, True, found)
    from phonoscope.storage import ObjectStore

    advice = (
        "PHONOSCOPE_S3_PUBLIC_ENDPOINT_URL is the store's address as clients reach it, to the letter; "
        "docs/uploads.md has the rights that the store must give"
    )
    return answering(subject, lambda: _send_part(ObjectStore(settings), address), advice)


def _send_part(store: ObjectStore, address: str) -> str:
    from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError

    from phonoscope.storage.transport import HttpClient

    key = f"uploads/{new_id('upl')}/doctor"
    multipart_id = store.multipart.create(key, "application/octet-stream")
    try:
        link = store.multipart.link(key, multipart_id, 1, 60)
        status = HttpClient().urlopen("PUT", link, body=b"phonoscope doctor").status
        if status != HTTPStatus.OK:
            raise StoreUnavailable(f"{address} answers {status} to a part of an upload")
        if not list(store.multipart.parts(key, multipart_id)):
            raise StoreUnavailable(f"a part that {address} took is not in the store")
        store.multipart.unfinished(key)
    except HTTPError as error:
        reason = error.reason if isinstance(error, MaxRetryError) else error
        if isinstance(reason, NewConnectionError | ConnectTimeoutError):
            return f"not tried: {address} cannot be reached from here; run doctor where clients are"
        raise StoreUnavailable(f"{address} does not answer") from error
    finally:
        store.multipart.abort(key, multipart_id)
    return f"{address} takes them"


def workers_findings(session: Session) -> Iterator[Finding]:
    """Who serves each pool; that nobody does is a fault where tasks wait, since an idle pool may be scaled to none."""
    from phonoscope.db.service.workers import live_workers
    from phonoscope.db.tasks.waiting import queue_depths
    from phonoscope.states import Pool

    workers, depths = live_workers(session), queue_depths(session)
    for pool in Pool:
        mine = [worker for worker in workers if worker.pool is pool]
        served = {lane for worker in mine for lane in worker.lanes}
        left = [
            f"waiting {queue.lane} tasks that nobody serves: {depth.queued:,}"
            for queue, depth in sorted(depths.items())
            if queue.pool is pool and depth.queued and queue.lane not in served
        ]
        alive = ", ".join(f"{worker.id} on {worker.device}" for worker in mine) or "none alive"
        idle = [] if mine or left else ["no task waits for one"]
        advice = f"start one: python -m phonoscope_{pool}; {_START}"
        yield Finding(f"{pool} workers", not left, "; ".join([alive, *left, *idle]), advice)


def search_findings(session: Session) -> Iterator[Finding]:
    """Which extensions index vectors, and the recall of each space that the courier measured last."""
    from phonoscope.db.search.indexes import extensions
    from phonoscope.db.search.recall import LEAST_RECALL, recalls

    known = extensions(session)
    others = {"vchord": "VectorChord", "vectorscale": "pgvectorscale"}
    found = ", ".join(f"{title} {known.get(name, 'absent')}" for name, title in others.items())
    yield Finding("vector indexes", True, f"pgvector {known.get('vector', 'absent')}, {found}")
    advice = "drop the space's indexes near_… , which the courier then makes again, and see docs/scaling.md"
    for each in recalls(session):
        subject = f"search in {each.model} ({each.digest.removeprefix('sha256:')[:12]})"
        if each.recall is None:
            yield Finding(subject, True, "its recall is not measured yet; the courier does once a day")
        elif not each.queries:
            yield Finding(subject, True, "exact")
        else:
            found = f"recall {each.recall:.3f} of {each.queries} queries"
            yield Finding(subject, each.recall >= LEAST_RECALL, found, advice)


def _pgvector(finding: Finding) -> Finding:
    if not finding.well:
        return finding
    version = finding.found.removeprefix("pgvector ")
    parts = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    advice = "install pgvector 0.8 or newer, then `phonoscope migrate`: filtered searches need iterative scans"
    return Finding(finding.subject, parts >= _OLDEST_PGVECTOR, finding.found, advice)
