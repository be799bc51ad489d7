"""Event streams and long polls: told by PostgreSQL, resumed by ids, cheap while nothing happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import psutil
import pytest
from httpx_sse import EventSource, ServerSentEvent
from sqlalchemy import select, text

from phonoscope.client import Client, Retry
from phonoscope.contract import CompletedEvent, Job, StatusEvent
from phonoscope.db.access.channels import JOB_CHANNEL, PROGRESS_CHANNEL
from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import JobRow, OwnerRow, TaskRow, TrackRow
from phonoscope.db.service.audit import Actor
from phonoscope.db.service.keys import get_key, revoke_key
from phonoscope.ids import new_id
from phonoscope.states import Lane, Pool, Status, TaskName
from phonoscope_local.processes import wait_until
from phonoscope_local.state import Run
from tests.support import RunningStack, id_of, tone_wav

ENDS = {
    "tasks": text(
        "UPDATE tasks SET status = 'succeeded', progress = 1, lease_token = NULL, lease_expires_at = NULL,"
        " finished_at = now() WHERE job_id = :job"
    ),
    "jobs": text("UPDATE jobs SET status = 'succeeded', version = version + 1, finished_at = now() WHERE id = :job"),
}
MOVES = text("UPDATE tasks SET progress = :progress, stage = :stage WHERE job_id = :job")
CHANGES = text("UPDATE jobs SET version = version + 1 WHERE id = :job")
NOTIFIES = text("SELECT pg_notify(:channel, :job)")
DEAFENS = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'phonoscope-listener'")


@pytest.fixture
def rows(stack: RunningStack) -> Iterator[Database]:
    """The stack's own database."""
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    yield database
    database.close()


@pytest.fixture
def open_job(http: httpx.Client, rows: Database) -> Callable[[], str]:
    """Makes jobs of the bare client's owner that no worker touches: somebody seems to work at each."""
    track_id = http.post("/v1/tracks", files={"file": ("a.wav", tone_wav(seed=950))}).json()["id"]

    def make() -> str:
        job_id = new_id("job")
        with rows.transaction() as session:
            track = session.get_one(TrackRow, track_id)
            whose: dict[str, Any] = {"owner_id": track.owner_id, "status": Status.RUNNING}
            session.add(JobRow(id=job_id, track_id=track_id, options={}, client_metadata={}, version=1, **whose))
            session.flush()
            kind: dict[str, Any] = {"name": TaskName.EMBED, "pool": Pool.GPU, "lane": Lane.SHORT}
            queue: dict[str, Any] = {
                "position": 0,
                "cost_s": 1.0,
                "turn": 0.0,
                "attempt": 1,
                "lease_token": new_id("l"),
            }
            session.add(TaskRow(id=new_id("tsk"), job_id=job_id, **whose, **kind, **queue))
            session.flush()
            held = (
                "UPDATE tasks SET started_at = now(), lease_expires_at = now() + interval '1 day' WHERE job_id = :job"
            )
            session.execute(text(held), {"job": job_id})
        return job_id

    return make


def move(rows: Database, job_id: str, progress: float, stage: str = "model") -> None:
    with rows.transaction() as session:
        session.execute(MOVES, {"job": job_id, "progress": progress, "stage": stage})
        session.execute(NOTIFIES, {"channel": PROGRESS_CHANNEL, "job": job_id})


def change(rows: Database, job_id: str) -> None:
    with rows.transaction() as session:
        session.execute(CHANGES, {"job": job_id})
        session.execute(NOTIFIES, {"channel": PROGRESS_CHANNEL, "job": job_id})


def end(rows: Database, job_id: str, *, tell: bool = True) -> None:
    with rows.transaction() as session:
        session.execute(ENDS["tasks"], {"job": job_id})
        session.execute(ENDS["jobs"], {"job": job_id})
        if tell:
            session.execute(NOTIFIES, {"channel": JOB_CHANNEL, "job": job_id})


@contextmanager
def stream(http: httpx.Client, job_id: str, last: str | None = None) -> Iterator[Iterator[ServerSentEvent]]:
    """The events of a job that are named; not the hint with which each stream begins."""
    headers = {} if last is None else {"Last-Event-ID": last}
    with http.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["Content-Type"].startswith("text/event-stream")
        yield (event for event in EventSource(response).iter_sse() if event.event != "message")


@pytest.mark.long
def test_a_real_job_is_told_from_its_beginning_to_its_end(client: Client, http: httpx.Client) -> None:
    """The whole first, versions that grow, and the ended job at the end, as it can be read."""
    file = {"file": ("a.wav", tone_wav(20.0, seed=951))}
    job_id = http.post("/v1/jobs", files=file, data={"tasks": "classify,describe"}).json()["id"]
    with stream(http, job_id) as events:
        told = list(events)
    assert told[0].event == "status"
    assert told[-1].event == "completed"
    assert {event.event for event in told[1:-1]} <= {"status", "progress"}
    versions = [int(event.id.split("-")[0]) for event in told]
    assert versions == sorted(versions)
    assert len(versions) > 2
    last = Job.model_validate_json(told[-1].data)
    assert last.status is Status.SUCCEEDED
    read = Job.model_validate(http.get(f"/v1/jobs/{job_id}").json())
    assert [task.status for task in last.tasks] == [task.status for task in read.tasks]
    assert last.finished_at == read.finished_at


def test_changes_are_told_as_they_happen(http: httpx.Client, rows: Database, open_job: Callable[[], str]) -> None:
    """Progress by its tasks alone, a change of status by the whole; the stream closes after the end."""
    job_id = open_job()
    with stream(http, job_id) as events:
        assert Job.model_validate_json(next(events).data).id == job_id
        move(rows, job_id, 0.25)
        told = next(events)
        assert (told.event, told.json()["tasks"][0]["progress"]) == ("progress", 0.25)
        move(rows, job_id, 0.25, "draw")
        assert next(events).json()["tasks"][0]["stage"] == "draw"
        change(rows, job_id)
        assert (told := next(events)).event == "status"
        assert told.id.startswith("2-0250-")
        end(rows, job_id)
        assert [event.event for event in events] == ["status", "completed"]


def test_a_stream_is_taken_up_where_it_broke_off(
    http: httpx.Client, rows: Database, open_job: Callable[[], str]
) -> None:
    """Nothing twice, nothing left out; after the end there is nothing to come back for."""
    job_id = open_job()
    with stream(http, job_id) as events:
        first = next(events)
    move(rows, job_id, 0.5)
    with stream(http, job_id, first.id) as events:
        moved = next(events)
        assert (moved.event, moved.json()["tasks"][0]["progress"]) == ("progress", 0.5)
    with stream(http, job_id, moved.id) as events:
        move(rows, job_id, 0.75)
        assert next(events).json()["tasks"][0]["progress"] == 0.75
    change(rows, job_id)
    with stream(http, job_id, moved.id) as events:
        changed = next(events)
        assert changed.event == "status"
    end(rows, job_id)
    with stream(http, job_id, changed.id) as events:
        ended, completed = events
    assert (ended.event, completed.event) == ("status", "completed")
    with stream(http, job_id, ended.id) as events:
        assert [event.event for event in events] == ["completed"]
    over = http.get(f"/v1/jobs/{job_id}/events", headers={"Last-Event-ID": completed.id})
    assert (over.status_code, over.content) == (204, b"")


@pytest.mark.parametrize("last", ["nonsense", "1-0000-zzzz", "99999999999999999999-0000-aaaa", "1-0000", "☃".encode()])
def test_a_nonsensical_id_starts_from_the_whole(
    http: httpx.Client, open_job: Callable[[], str], last: str | bytes
) -> None:
    """As none does; that of another job too."""
    job_id = open_job()
    headers = [(b"Last-Event-ID", last if isinstance(last, bytes) else last.encode())]
    with http.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as response:
        told = next(event for event in EventSource(response).iter_sse() if event.event != "message")
    assert told.event == "status"
    assert Job.model_validate_json(told.data).id == job_id


def test_nobody_hears_of_anothers_job(http: httpx.Client, stack: RunningStack, open_job: Callable[[], str]) -> None:
    """404 for a stranger and for what is not there, 401 without a key, before any event."""
    job_id = open_job()
    with stack.http("stranger-of-streams") as stranger:
        assert stranger.get(f"/v1/jobs/{job_id}/events").json()["code"] == "not_found"
    assert http.get("/v1/jobs/job_none/events").status_code == 404
    assert httpx.get(f"{stack.url}/v1/jobs/{job_id}/events", timeout=60).status_code == 401


def test_erasing_the_track_ends_the_stream(http: httpx.Client, open_job: Callable[[], str]) -> None:
    """The last event says that the job was cancelled."""
    job_id = open_job()
    with stream(http, job_id) as events:
        track_id = Job.model_validate_json(next(events).data).track_id
        assert http.delete(f"/v1/tracks/{track_id}").status_code == 204
        told = list(events)
    assert told[-1].event == "completed"
    assert Job.model_validate_json(told[-1].data).status is Status.CANCELLED
    assert http.get(f"/v1/jobs/{job_id}/events").status_code == 404


@pytest.mark.long
def test_a_quiet_stream_gives_signs_of_life(http: httpx.Client, open_job: Callable[[], str]) -> None:
    """A hint when to come back first; a comment every 15 s, which says nothing."""
    before = monotonic()
    with http.stream("GET", f"/v1/jobs/{open_job()}/events") as response:
        lines = response.iter_lines()
        assert next(lines) == "retry: 2000"
        comment = next(line for line in lines if line.startswith(":"))
    assert comment == ": still here"
    assert 14 < monotonic() - before < 29


@pytest.mark.long
def test_a_revoked_key_ends_its_streams(stack: RunningStack, rows: Database, open_job: Callable[[], str]) -> None:
    """Within half a minute, whether or not anything happens to the job; streams of the owner's other keys go on."""
    job_id = open_job()
    with rows.transaction() as session:
        owner = session.scalar(select(OwnerRow.name).join(JobRow).where(JobRow.id == job_id))
    keys = [stack.new_key(str(owner)) for _ in range(2)]
    with ExitStack() as opened:
        streams = []
        for key in keys:
            headers = {"Authorization": f"Bearer {key}"}
            client = opened.enter_context(httpx.Client(base_url=stack.url, headers=headers, timeout=60))
            streams.append(opened.enter_context(stream(client, job_id)))
        assert [next(events).event for events in streams] == ["status", "status"]
        with rows.transaction() as session:
            row = get_key(session, None, id_of(keys[0]), to_change=True)
            revoke_key(session, Actor(row.owner_id), row)
        before = monotonic()
        assert list(streams[0]) == []
        assert monotonic() - before < 50
        end(rows, job_id)
        assert [event.event for event in streams[1]] == ["status", "completed"]


@pytest.mark.long
def test_many_streams_hold_nothing(http: httpx.Client, rows: Database, open_job: Callable[[], str]) -> None:
    """More of them than there are threads and connections; other calls are answered, and each hears of its end."""
    jobs = [open_job() for _ in range(3)]
    with ExitStack() as opened:
        limits = httpx.Limits(max_connections=200)
        many = opened.enter_context(
            httpx.Client(base_url=http.base_url, headers=http.headers, timeout=30, limits=limits)
        )
        streams = [opened.enter_context(stream(many, jobs[number % 3])) for number in range(120)]
        assert {next(events).event for events in streams} == {"status"}
        assert http.get("/v1/jobs").status_code == 200
        for job_id in jobs:
            end(rows, job_id)
        assert [[event.event for event in events] for events in streams] == [["status", "completed"]] * 120


def test_a_deaf_listener_wakes_everybody(http: httpx.Client, rows: Database, open_job: Callable[[], str]) -> None:
    """Whoever waits looks again when the connection breaks that would have told of the end."""
    streamed, polled = open_job(), open_job()
    with ThreadPoolExecutor(1) as threads, stream(http, streamed) as events:
        next(events)
        poll = threads.submit(http.get, f"/v1/jobs/{polled}", params={"wait": 25})
        sleep(0.5)
        before = monotonic()
        for job_id in (streamed, polled):
            end(rows, job_id, tell=False)
        with rows.transaction() as session:
            session.execute(DEAFENS)
        assert [event.event for event in events] == ["status", "completed"]
        assert poll.result().json()["status"] == "succeeded"
    assert monotonic() - before < 20


@pytest.mark.long
def test_a_gateway_that_stops_lets_its_streams_go(
    stack: RunningStack, http: httpx.Client, rows: Database, open_job: Callable[[], str]
) -> None:
    """It does not wait for them; the client takes its own up again at the next one, and hears nothing twice."""
    job_id = open_job()
    started = Run.read(stack.folder)
    assert started is not None
    gateway = psutil.Process(started.parts["gateway"].pid)
    key = http.headers["Authorization"].removeprefix("Bearer ")
    with (
        ThreadPoolExecutor(1) as threads,
        Client(stack.url, key, retry=Retry(attempts=60, longest_s=1.0)) as client,
        stream(http, job_id) as events,
    ):
        told: list[Any] = []
        following = threads.submit(lambda: told.extend(client.events(job_id)))
        next(events)
        assert wait_until(lambda: bool(told) or following.done(), 60.0)
        gateway.terminate()
        with pytest.raises(httpx.RemoteProtocolError):
            next(events)
        gateway.wait(60)
        end(rows, job_id)
        following.result()
    assert [type(event) for event in told] == [StatusEvent, StatusEvent, CompletedEvent]
    assert len({event.id for event in told}) == 3


def test_a_long_poll_sleeps_until_the_end(http: httpx.Client, rows: Database, open_job: Callable[[], str]) -> None:
    """Progress does not wake it, the end does at once; when the seconds are over it answers with the job as it is."""
    job_id = open_job()
    with ThreadPoolExecutor(1) as threads:
        poll = threads.submit(http.get, f"/v1/jobs/{job_id}", params={"wait": 20})
        sleep(0.5)
        move(rows, job_id, 0.5)
        sleep(0.5)
        assert not poll.done()
        before = monotonic()
        end(rows, job_id)
        assert poll.result().json()["status"] == "succeeded"
        assert monotonic() - before < 10
    answer = http.get(f"/v1/jobs/{open_job()}", params={"wait": 0.3})
    assert (answer.json()["status"], answer.headers["Retry-After"]) == ("running", "1")


@pytest.mark.parametrize("wait", ["-1", "60.1", "nan", "inf", "soon", ""])
def test_a_wait_out_of_range_is_refused(http: httpx.Client, wait: str) -> None:
    """422 that names it, before the job is looked for."""
    answer = http.get("/v1/jobs/job_none", params={"wait": wait})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "wait")


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/tracks"])
def test_a_cursor_that_was_tampered_with_is_refused(http: httpx.Client, path: str, tmp_path: Path) -> None:
    """422 with its own code, whatever was done to it."""
    for seed in (952, 953):
        http.post("/v1/jobs", files={"file": ("a.wav", tone_wav(seed=seed))}, data={"tasks": "embed"})
    cursor = http.get(path, params={"limit": 1}).json()["next_cursor"]
    assert http.get(path, params={"limit": 1, "cursor": cursor}).status_code == 200
    for bad in (cursor[:-4], cursor[4:], f"A{cursor}", cursor[::-1], "", "x", "☃"):
        answer = http.get(path, params={"cursor": bad})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor"), bad
