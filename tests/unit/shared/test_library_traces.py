"""Spans of libraries, on request: where they belong, what is kept of them, and that they end with the traces."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextvars import copy_context

import pytest
import redis
import sqlalchemy
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, Status, StatusCode
from opentelemetry.util.types import AnyValue
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine, text

from phonoscope.db.access.prepared import Prepared
from phonoscope.storage.transport import HttpClient
from phonoscope.traces import LIBRARIES, end_traces, root_span, start_traces
from phonoscope.traces.kept import kept_of
from phonoscope_local.ports import choose_port
from tests.collector import Collector, collecting

pytestmark = pytest.mark.usefixtures("logging_as_before")
CLIENT = 3
UNSAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
SECRET = "confidential'; --"


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector, with the traces of this process ended before it."""
    with collecting() as found:
        yield found
        end_traces()


def call_all(engine: Engine, collector: Collector) -> None:
    """A statement, a statement that fails, a command to nobody, and a request for an object that is not there."""
    with engine.connect() as connection:
        connection.execute(text("SELECT :word AS found"), {"word": SECRET})
    with engine.connect() as connection, pytest.raises(sqlalchemy.exc.OperationalError, match="no such function"):
        connection.execute(text("WITH own AS (SELECT :word AS found) SELECT absent(found) FROM own"), {"word": SECRET})
    with pytest.raises(redis.ConnectionError):
        redis.Redis(port=choose_port(0), password=SECRET, retry=Retry(NoBackoff(), 0)).set(SECRET, SECRET)
    url = f"{collector.url}/bucket/{SECRET.encode().hex()}?X-Amz-Signature=abc"
    assert HttpClient().urlopen("POST", url, body=b"", headers={"Authorization": SECRET}).status == 404


def names(collector: Collector) -> list[str]:
    return sorted(each.name for each in collector.spans)


def test_calls_are_children_of_the_innermost_span(collector: Collector) -> None:
    """Of what waits for a connection and what is asked, of failures too, while the span is open."""
    start_traces(collector.url, "cpu", LIBRARIES)
    engine = sqlalchemy.create_engine("sqlite://")
    with root_span("attempt", "consumer", None) as attempt, attempt.child("stage fetch"):
        call_all(engine, collector)
    end_traces()
    calls = [each for each in collector.spans if each.kind == CLIENT]
    (stage,) = (each for each in collector.spans if each.name == "stage fetch")
    assert sorted(each.name for each in calls) == [
        "POST",
        "SELECT",
        "SET",
        "WITH",
        "connect",
        "connect",
    ]
    assert {(each.service, each.trace, each.parent) for each in calls} == {("phonoscope-cpu", stage.trace, stage.id)}
    assert all(stage.start_ns <= each.start_ns <= each.end_ns <= stage.end_ns for each in calls)


def test_what_is_listed_leaves_and_nothing_else(collector: Collector) -> None:
    """No value of a statement, no argument, no URL, no address, no message of an error."""
    start_traces(collector.url, "cpu", LIBRARIES)
    engine = sqlalchemy.create_engine("sqlite://")
    with root_span("attempt", "consumer", None):
        call_all(engine, collector)
    end_traces()
    assert {each.name: (each.attributes, each.failed) for each in collector.spans} == {
        "attempt": ({}, False),
        "connect": ({"db.system.name": "sqlite"}, False),
        "SELECT": ({"db.system.name": "sqlite", "db.query.text": "SELECT ? AS found"}, False),
        "WITH": (
            {
                "db.system.name": "sqlite",
                "db.query.text": "WITH own AS (SELECT ? AS found) SELECT absent(found) FROM own",
            },
            True,
        ),
        "SET": ({"db.system.name": "redis", "db.query.text": "SET", "error.type": "ConnectionError"}, True),
        "POST": ({"http.request.method": "POST", "http.response.status_code": 404}, False),
    }
    sent = b"".join(body for body in collector.raw if body)
    for word in (b"confidential", SECRET.encode().hex().encode(), b"127.0.0.1", b"localhost", b"X-Amz", b"no such"):
        assert word not in sent, word
    assert b"Traceback" not in sent


def test_nothing_is_recorded_outside_of_a_span(collector: Collector) -> None:
    """Neither before nor after, nor by what a request leaves running, nor where its caller records nothing."""
    start_traces(collector.url, "cpu", LIBRARIES)
    engine = sqlalchemy.create_engine("sqlite://")
    call_all(engine, collector)
    with root_span("attempt", "consumer", None):
        left = copy_context()
    call_all(engine, collector)
    left.run(call_all, engine, collector)
    with root_span("attempt", "consumer", UNSAMPLED):
        call_all(engine, collector)
    end_traces()
    assert names(collector) == ["attempt"]


def test_libraries_are_as_before_once_traces_end(collector: Collector) -> None:
    """They record no more, not even what was made meanwhile; others that begin have what they ask for."""
    before = sqlalchemy.create_engine, redis.Redis.execute_command, redis.asyncio.Redis.execute_command
    start_traces(collector.url, "cpu", LIBRARIES)
    engine = sqlalchemy.create_engine("sqlite://")
    assert sqlalchemy.create_engine is not before[0]
    end_traces()
    assert (sqlalchemy.create_engine, redis.Redis.execute_command, redis.asyncio.Redis.execute_command) == before
    start_traces(collector.url, "cpu")
    with root_span("attempt", "consumer", None):
        call_all(engine, collector)
    end_traces()
    assert names(collector) == ["attempt"]
    start_traces(collector.url, "cpu", ["sqlalchemy"])
    with root_span("attempt", "consumer", None):
        call_all(sqlalchemy.create_engine("sqlite://"), collector)
    end_traces()
    assert set(names(collector)) == {"attempt", "connect", "SELECT", "WITH"}


@pytest.mark.parametrize(
    ("system", "statement"), [("db.system", "db.statement"), ("db.system.name", "db.query.text")], ids=["old", "new"]
)
def test_names_of_either_convention_are_kept_as_the_new_ones(system: str, statement: str) -> None:
    """Which of them an instrumentation uses, the standard's variable decides; whatever else it adds is left out."""
    context = SpanContext(1, 2, is_remote=False)
    own: dict[str, AnyValue] = {
        system: "redis",
        statement: "HSET confidential\nEXPIRE ? ?",
        "db.redis.pipeline_length": 2,
    }
    others: dict[str, AnyValue] = {
        "db.user": SECRET,
        "db.namespace": SECRET,
        "server.address": SECRET,
        "db.query.parameter.0": SECRET,
    }
    span = ReadableSpan(
        "HSET EXPIRE" + "x" * 200,
        context,
        attributes=own | others,
        events=[Event("exception", {"exception.type": "redis.exceptions.DataError", "exception.message": SECRET})],
        links=[Link(context, {"url": SECRET})],
        status=Status(StatusCode.ERROR, SECRET),
    )
    kept = kept_of(span)
    assert dict(kept.attributes or {}) == {
        "db.system.name": "redis",
        "db.query.text": "HSET\nEXPIRE",
        "db.operation.batch.size": 2,
        "error.type": "DataError",
    }
    assert (kept.events, kept.links, kept.status.description, kept.status.status_code) == (
        (),
        (),
        None,
        StatusCode.ERROR,
    )
    assert (kept.context, len(kept.name)) == (context, 100)


def test_a_prepared_statement_is_shown_as_it_was_written() -> None:
    """Each of those that are sent together; one of somebody else's keeps its call."""
    prepared = Prepared("SELECT :word, :other", "DELETE FROM words", types={"word": "text", "other": "jsonb"})
    calls = f"{prepared._calls};EXECUTE another (1)"
    kept = kept_of(ReadableSpan("EXECUTE", attributes={"db.system": "postgresql", "db.statement": calls}))
    assert (kept.attributes or {})["db.query.text"] == "SELECT :word, :other;DELETE FROM words;EXECUTE another (1)"


def test_a_long_statement_is_cut() -> None:
    """To what a collector takes."""
    kept = kept_of(
        ReadableSpan("SELECT", attributes={"db.system": "postgresql", "db.statement": "SELECT " + "1, " * 9_999})
    )
    assert len(str((kept.attributes or {})["db.query.text"])) == 4_000


def ran(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


@pytest.mark.parametrize(
    ("endpoint", "libraries", "loaded"),
    [
        ("", (), set()),
        ("", LIBRARIES, set()),
        ("http://127.0.0.1:1", (), set()),
        ("http://127.0.0.1:1", ["urllib3"], set()),
        ("http://127.0.0.1:1", ["redis"], {"redis"}),
        ("http://127.0.0.1:1", LIBRARIES, {"redis", "sqlalchemy"}),
    ],
)
def test_what_is_not_asked_for_is_not_loaded(endpoint: str, libraries: list[str], loaded: set[str]) -> None:
    """No instrumentation without a collector and the setting, and no other one than those that are named."""
    done = ran(f"""
import sys
from phonoscope.traces import start_traces
start_traces({endpoint!r}, "courier", {libraries!r})
print(*(name.split(".")[2] for name in sys.modules if name.startswith("opentelemetry.instrumentation.")))
""")
    assert {name for name in done.stdout.split() if name in ("redis", "sqlalchemy", "urllib3")} == loaded
    assert bool(done.stdout.split()) == bool(loaded)


def test_without_an_instrumentation_the_others_go_on() -> None:
    """And so do the service's own spans; the log says which library is left out, and what to install."""
    done = ran("""
import sys
sys.modules["opentelemetry.instrumentation.redis"] = None
import redis, sqlalchemy
from phonoscope.logs import configure_logs
from phonoscope.traces import OFF, root_span, start_traces
configure_logs("json", "info")
before = redis.Redis.execute_command, sqlalchemy.create_engine
start_traces("http://127.0.0.1:1", "gateway", ["redis", "sqlalchemy"])
assert redis.Redis.execute_command is before[0]
assert sqlalchemy.create_engine is not before[1]
assert root_span("GET", "server", None) is not OFF
""")
    (line,) = map(json.loads, done.stderr.splitlines())
    assert (line["event"], line["library"]) == ("traces.library_left_out", "redis")
    assert "phonoscope[otel]" in line["advice"]
