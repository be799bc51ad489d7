"""Requests that are sent again under their key are done once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from phonoscope.db.access.engine import Database
from phonoscope.db.schema.tables import OwnerRow
from phonoscope.db.service.idempotency import Answer, Reservation, forget_old_keys, keep_answer, release, reserve
from phonoscope.errors import IdempotencyKeyReused, RequestInFlight
from tests.support import RunningStack, lasting, tone_wav

ANSWER = Answer(201, "/v1/tracks/trk_1", {"id": "trk_1", "filename": "a.wav"})
LOST = {"Idempotency-Key": "lost"}


@pytest.fixture
def track_id(http: httpx.Client) -> str:
    """A recording of the bare client's owner."""
    created = http.post("/v1/tracks", files={"file": ("a.wav", tone_wav(seed=900))})
    return str(created.json()["id"])


@pytest.fixture
def rows(stack: RunningStack) -> Iterator[Database]:
    """The stack's own database."""
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    yield database
    database.close()


@pytest.fixture
def owner(database: Database) -> str:
    """An owner in the tests' own database."""
    owner_id = f"own_{uuid4().hex}"
    with database.transaction() as session:
        session.add(OwnerRow(id=owner_id, name=owner_id))
    return owner_id


def taken(database: Database, owner_id: str, request: str = "one") -> Reservation | Answer:
    with database.transaction() as session:
        return reserve(session, owner_id, "k", request)


def age(database: Database, owner_id: str, by: str) -> None:
    aged = text("UPDATE idempotency_keys SET created_at = created_at - CAST(:by AS interval) WHERE owner_id = :owner")
    with database.transaction() as session:
        session.execute(aged, {"by": by, "owner": owner_id})


def make_and_keep(database: Database, reservation: Reservation) -> None:
    with database.transaction() as session:
        session.add(OwnerRow(id="own_never", name="never"))
        session.flush()
        keep_answer(session, reservation, Answer(201, "/v1/tracks/trk_2", {}))


def jobs(http: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = http.get("/v1/jobs").json()["items"]
    return found


def test_a_job_asked_for_twice_is_made_once(http: httpx.Client, track_id: str) -> None:
    """The second answer is the first one: status, place and body; a header says so. Quoted or not, the key is one."""
    body = {"track_id": track_id, "tasks": ["embed"], "metadata": {"b": [1.5, None], "a": "é"}}
    first = http.post("/v1/jobs", json=body, headers={"Idempotency-Key": '"one"'})
    again = http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "one"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert first.headers["Location"] == again.headers["Location"] == f"/v1/jobs/{first.json()['id']}"
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert [job["id"] for job in jobs(http)] == [first.json()["id"]]
    assert http.post("/v1/jobs", json=body).json()["id"] != first.json()["id"]


def test_an_upload_sent_twice_is_one(http: httpx.Client) -> None:
    """201 both times, and a job from a form is made once; a track without key says 200 the second time."""
    file = {"file": ("a.wav", tone_wav(seed=901))}
    first, again = (http.post("/v1/tracks", files=file, headers={"Idempotency-Key": "up"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert (lasting(first.json()), first.headers["Location"]) == (lasting(again.json()), again.headers["Location"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert http.post("/v1/tracks", files=file).status_code == 200
    forms = [
        http.post("/v1/jobs", files=file, data={"tasks": "embed"}, headers={"Idempotency-Key": "job"}) for _ in "12"
    ]
    assert [form.status_code for form in forms] == [202, 202]
    assert len({form.json()["id"] for form in forms}) == len(jobs(http)) == 1


def test_a_repeated_answer_s_link_is_good(http: httpx.Client, anybody: httpx.Client, rows: Database) -> None:
    """However old the first answer is, its recording can be played."""
    content = tone_wav(seed=905)
    file, key = {"file": ("a.wav", content)}, {"Idempotency-Key": "old"}
    track_id = http.post("/v1/tracks", files=file, headers=key).json()["id"]
    over = text(
        "UPDATE idempotency_keys SET body = jsonb_set(body, '{audio,url}', '\"over\"') WHERE body ->> 'id' = :id"
    )
    with rows.transaction() as session:
        session.execute(over, {"id": track_id})
    again = http.post("/v1/tracks", files=file, headers=key)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert anybody.get(again.json()["audio"]["url"]).content == content


def test_a_key_stands_for_one_request(http: httpx.Client, track_id: str) -> None:
    """Another body, another recording, another path: 422 with its own code, and nothing is made."""
    key = {"Idempotency-Key": "same"}
    first = http.post("/v1/jobs", json={"track_id": track_id, "tasks": ["embed"]}, headers=key)
    assert first.status_code == 202
    for other in (
        http.post("/v1/jobs", json={"track_id": track_id, "tasks": ["classify"]}, headers=key),
        http.post("/v1/jobs", files={"file": ("a.wav", tone_wav(seed=902))}, headers=key),
        http.post("/v1/tracks", files={"file": ("a.wav", tone_wav(seed=903))}, headers=key),
    ):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(jobs(http)) == len(http.get("/v1/tracks").json()["items"]) == 1


@pytest.mark.parametrize("key", ["a b", '""', '"a', "x" * 256, ""])
def test_a_bad_key_is_refused(http: httpx.Client, track_id: str, key: str) -> None:
    """422 that names the header, before anything is made."""
    answer = http.post("/v1/jobs", json={"track_id": track_id}, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert jobs(http) == []


def test_a_request_that_failed_leaves_its_key_free(http: httpx.Client, track_id: str) -> None:
    """After a 404, 415 or 422 the same key serves a request that is well."""
    bad = [
        http.post("/v1/jobs", json={"track_id": "trk_none"}, headers=LOST),
        http.post("/v1/jobs", json={"track_id": track_id, "options": {"classify": {"model": "no"}}}, headers=LOST),
        http.post("/v1/jobs", json={"track_id": track_id, "metadata": {"a": "\x00"}}, headers=LOST),
        http.post("/v1/tracks", files={"file": ("a.wav", b"no sound")}, headers=LOST),
    ]
    assert [answer.status_code for answer in bad] == [404, 422, 422, 415]
    well = http.post("/v1/jobs", json={"track_id": track_id, "tasks": ["embed"]}, headers=LOST)
    assert well.status_code == 202
    assert "Idempotent-Replayed" not in well.headers


def test_twenty_at_once_make_one_job(http: httpx.Client, track_id: str) -> None:
    """Each is answered with that job, or told that the first is still under way, and may then ask again."""
    body = {"track_id": track_id, "tasks": ["embed"]}

    def ask(_: int) -> httpx.Response:
        return http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "crowd"})

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(ask, range(20)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 202}) == 1
    for refused in (answer for answer in answers if answer.status_code == 409):
        assert refused.json()["code"] == "request_in_flight"
        assert int(refused.headers["Retry-After"]) >= 1
    assert ask(0).headers["Idempotent-Replayed"] == "true"
    assert len(jobs(http)) == 1


def test_what_a_killed_gateway_left_is_free_after_a_minute(http: httpx.Client, track_id: str, rows: Database) -> None:
    """Until then the answer is 409 with ``Retry-After``."""
    body = {"track_id": track_id, "tasks": ["embed"]}
    assert http.post("/v1/jobs", json=body, headers=LOST).status_code == 202
    unanswered = text(
        "UPDATE idempotency_keys SET status = NULL, body = NULL WHERE key = 'lost' AND location LIKE :job"
    )
    with rows.transaction() as session:
        session.execute(unanswered, {"job": f"%{jobs(http)[0]['id']}"})
    held = http.post("/v1/jobs", json=body, headers=LOST)
    assert (held.status_code, held.json()["code"], held.json()["retryable"]) == (409, "request_in_flight", True)
    assert int(held.headers["Retry-After"]) >= 1
    with rows.transaction() as session:
        session.execute(
            text("UPDATE idempotency_keys SET created_at = created_at - interval '61 s' WHERE key = 'lost'")
        )
    assert http.post("/v1/jobs", json=body, headers=LOST).status_code == 202
    assert len(jobs(http)) == 2


def test_owners_keys_are_apart(stack: RunningStack, http: httpx.Client, track_id: str) -> None:
    """The same key of another owner is another key."""
    assert http.post("/v1/jobs", json={"track_id": track_id, "tasks": ["embed"]}, headers=LOST).status_code == 202
    with stack.http(f"owner-{uuid4()}") as stranger:
        made = stranger.post("/v1/jobs", files={"file": ("a.wav", tone_wav(seed=904))}, headers=LOST)
    assert made.status_code == 202
    assert "Idempotent-Replayed" not in made.headers


def test_nothing_of_an_erased_track_is_kept(http: httpx.Client, rows: Database) -> None:
    """Neither its name nor its job stay with the keys, and the request sent again does not bring it back."""
    file = {"file": ("secret-name.wav", tone_wav(seed=905))}
    track = http.post("/v1/tracks", files=file, headers={"Idempotency-Key": "t"}).json()
    body = {"track_id": track["id"], "tasks": ["embed"], "metadata": {"x": "secret-word"}}
    assert http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "j"}).status_code == 202
    assert http.delete(f"/v1/tracks/{track['id']}").status_code == 204
    with rows.transaction() as session:
        kept = [str(row) for row in session.execute(text("SELECT * FROM idempotency_keys"))]
    assert not [row for row in kept if "secret" in row or track["id"] in row]
    again = http.post("/v1/tracks", files=file, headers={"Idempotency-Key": "t"})
    assert (again.status_code, again.json()["code"]) == (404, "not_found")
    assert http.post("/v1/jobs", json=body, headers={"Idempotency-Key": "j"}).status_code == 404


def test_the_first_to_finish_has_answered(database: Database, owner: str) -> None:
    """A request slower than a minute may be taken up again; whoever comes second keeps nothing."""
    slow = taken(database, owner)
    age(database, owner, "61 s")
    quick = taken(database, owner)
    assert isinstance(slow, Reservation)
    assert isinstance(quick, Reservation)
    with database.transaction() as session:
        keep_answer(session, quick, ANSWER)
    with pytest.raises(RequestInFlight):
        make_and_keep(database, slow)
    with database.transaction() as session:
        assert session.get(OwnerRow, "own_never") is None
        release(session, slow)
    assert taken(database, owner) == ANSWER


def test_a_late_failure_frees_only_its_own(database: Database, owner: str) -> None:
    """A reservation that was taken over is not its first holder's any more."""
    slow = taken(database, owner)
    age(database, owner, "61 s")
    assert isinstance(taken(database, owner), Reservation)
    assert isinstance(slow, Reservation)
    with database.transaction() as session:
        release(session, slow)
    with pytest.raises(RequestInFlight):
        taken(database, owner)
    with pytest.raises(IdempotencyKeyReused):
        taken(database, owner, "two")


def test_a_key_is_forgotten_after_a_day(database: Database, owner: str) -> None:
    """Then it may stand for another request, swept away or not."""
    first = taken(database, owner)
    assert isinstance(first, Reservation)
    with database.transaction() as session:
        keep_answer(session, first, ANSWER)
    age(database, owner, "23 hours 59 minutes")
    with database.transaction() as session:
        forget_old_keys(session)
    assert taken(database, owner) == ANSWER
    age(database, owner, "2 minutes")
    assert isinstance(taken(database, owner, "two"), Reservation)
    age(database, owner, "25 hours")
    with database.transaction() as session:
        assert forget_old_keys(session) >= 1
        assert forget_old_keys(session) == 0
