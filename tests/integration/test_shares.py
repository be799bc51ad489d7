"""Links that share one recording, and whoever tries to make more of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from phonoscope.client import ApiError, Client
from phonoscope.contract import LabelState, NewShare, Scope, TrackChange
from phonoscope.contract.shares import LONGEST_SHARE_S, USUAL_SHARE_S
from phonoscope.db.access.engine import Database
from phonoscope.db.service.shares import MOST_SHARES
from phonoscope.states import Status
from phonoscope.storage import ObjectStore
from tests.support import RunningStack, authorities, second_gateway, tone_wav

_MINUTE = timedelta(minutes=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def upload(client: Client, folder: Path, seed: int) -> str:
    path = folder / f"{seed}.wav"
    path.write_bytes(tone_wav(0.5, rate_hz=8_000, seed=seed))
    return client.upload(path).id


def as_visitor(stack: RunningStack, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=stack.url, headers=headers, timeout=30, verify=authorities())


@pytest.fixture
def noted(client: Client, folder: Path) -> str:
    """A recording that was named and noted."""
    track_id = upload(client, folder, 950)
    client.change_track(track_id, TrackChange(name="Shown", notes="hidden"))
    return track_id


@pytest.fixture
def shared(client: Client, noted: str) -> NewShare:
    return client.share_track(noted)


@pytest.fixture
def visitor(stack: RunningStack, shared: NewShare) -> Iterator[httpx.Client]:
    """Whoever has the link."""
    with as_visitor(stack, shared.token) as visitor:
        yield visitor


def end_it(stack: RunningStack, share_id: str) -> None:
    """As if its time were over."""
    database = Database(stack.settings.database_url.get_secret_value(), pool_size=1)
    with database.transaction() as session:
        session.execute(text("UPDATE shares SET expires_at = now() WHERE id = :id"), {"id": share_id})
    database.close()


def test_a_visitor_reads_what_is_there(client: Client, visitor: httpx.Client, shared: NewShare) -> None:
    """The recording with its name, its results, pictures and sound, in parts too; nothing that its owner noted."""
    assert client.wait(client.create_job(shared.track_id, ["describe"])).status is Status.SUCCEEDED
    found = visitor.get("/v1/shared").json()
    assert datetime.fromisoformat(found["expires_at"]) == shared.expires_at
    assert abs(shared.expires_at - datetime.now(UTC) - timedelta(seconds=USUAL_SHARE_S)) < _MINUTE
    track = found["track"]
    assert (track["id"], track["name"], track["notes"]) == (shared.track_id, "Shown", "")
    assert visitor.get(f"/v1/tracks/{shared.track_id}").json()["notes"] == ""
    results = visitor.get(f"/v1/tracks/{shared.track_id}/results")
    [described] = results.json()["items"]
    assert datetime.fromisoformat(described["result"]["waveform"]["expires_at"]) <= shared.expires_at
    again = visitor.get(results.url.path, headers={"If-None-Match": results.headers["ETag"]})
    levels = visitor.get(f"/v1/tracks/{shared.track_id}/waveform/levels")
    version, level = levels.json()["version"], levels.json()["levels"][-1]["level"]
    tile = visitor.get(f"/v1/tracks/{shared.track_id}/waveform/tiles/{level}/0", params={"version": version})
    sound = visitor.get(f"/v1/tracks/{shared.track_id}/audio/parts/0")
    assert (again.status_code, levels.status_code, tile.status_code, sound.status_code) == (304, 200, 200, 200)
    for answer in (results, again, levels, tile, sound):
        assert (answer.headers["Cache-Control"], answer.headers["X-Robots-Tag"]) == ("no-store", "noindex")
    part = httpx.get(str(visitor.base_url.join(track["audio"]["url"])), headers={"Range": "bytes=0-3"}, timeout=60)
    assert (part.status_code, part.content, part.headers["Cache-Control"]) == (206, b"RIFF", "private, no-store")
    assert client.track(shared.track_id).notes == "hidden"


def test_a_visitor_reads_what_its_owner_said(
    client: Client, stranger: Client, stack: RunningStack, visitor: httpx.Client, shared: NewShare, folder: Path
) -> None:
    """Confirmed and rejected, of the whole and of stretches; neither who said it and when, nor what others say."""
    client.say_label(shared.track_id, "dog", LabelState.REJECTED)
    client.say_label(shared.track_id, "wolf", LabelState.CONFIRMED, 0.1, 0.3)
    other = upload(stranger, folder, 950)
    stranger.say_label(other, "cat")
    answer = visitor.get("/v1/shared")
    assert answer.json()["labels"] == [
        {"label": "dog", "state": "rejected", "start_s": None, "end_s": None},
        {"label": "wolf", "state": "confirmed", "start_s": 0.1, "end_s": 0.3},
    ]
    who = {each.key_id for each in client.labels(shared.track_id).labels}
    assert not [key_id for key_id in who if key_id is None or key_id in answer.text]
    with Client(stack.url, shared.token) as reading:
        said = reading.shared().labels
    assert [(each.label, each.state) for each in said] == [("dog", LabelState.REJECTED), ("wolf", LabelState.CONFIRMED)]
    with as_visitor(stack, stranger.share_track(other).token) as elsewhere:
        labels = elsewhere.get("/v1/shared").json()["labels"]
    assert labels == [{"label": "cat", "state": "confirmed", "start_s": None, "end_s": None}]


def test_a_visitor_does_and_sees_nothing_else(
    client: Client, visitor: httpx.Client, shared: NewShare, folder: Path
) -> None:
    """403 in the same words for all, also for what is not there: no library, no job, no neighbour, no change."""
    other = upload(client, folder, 951)
    own = f"/v1/tracks/{shared.track_id}"
    refused = [
        ("GET", f"/v1/tracks/{other}"),
        ("GET", "/v1/tracks/trk_unknown"),
        ("GET", f"/v1/tracks/{other}/results"),
        *(("GET", f"{own}/{part}") for part in ("labels", "labels/history", "similar", "shares", "vectors", "audio")),
        ("GET", f"{own}/waveform"),
        ("GET", f"{own}/../{other}"),
        ("GET", f"{own}%2F..%2F{other}"),
        *(("GET", f"/v1/{path}") for path in ("tracks", "jobs", "library", "labels", "map", "models", "usage", "keys")),
        *(("GET", f"/v1/{path}") for path in ("audit", "classifiers", "webhooks", "queues", "spaces")),
        *(("POST", path) for path in ("/v1/jobs", "/v1/tracks", "/v1/search", f"{own}/labels", f"{own}/shares")),
        ("POST", "/v1/shared"),
        ("PATCH", own),
        ("DELETE", own),
        ("DELETE", f"{own}/links"),
        ("DELETE", f"{own}/shares/{shared.id}"),
        ("PUT", f"{own}/labels"),
    ]
    answers = [visitor.request(method, path) for method, path in refused]
    assert [
        (method, path, answer.status_code)
        for (method, path), answer in zip(refused, answers, strict=True)
        if answer.status_code != 403
    ] == []
    assert {answer.json()["code"] for answer in answers} == {"not_shared"}
    assert {answer.json()["detail"] for answer in answers} == {answers[0].json()["detail"]}
    assert client.track(shared.track_id).name == "Shown"
    assert [share.id for share in client.shares(shared.track_id).items] == [shared.id]


def test_what_is_not_measured_is_not_begun(stack: RunningStack, client: Client, folder: Path) -> None:
    """404, and no job."""
    track_id = upload(client, folder, 952)
    with as_visitor(stack, client.share_track(track_id).token) as visitor:
        for picture in ("waveform", "spectrogram"):
            answer = visitor.get(f"/v1/tracks/{track_id}/{picture}/levels")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert visitor.get(f"/v1/tracks/{track_id}/stems").status_code == 404
    assert client.jobs(track_id=track_id).items == []


def test_a_visitor_reads_whether_measuring_failed(stack: RunningStack, client: Client, folder: Path) -> None:
    """The newest that was tried, also before the link was made."""
    track_id = upload(client, folder, 954)
    store = ObjectStore(stack.settings)
    [key] = store.keys(f"tracks/{track_id}/")
    with Client(stack.url, client.share_track(track_id).token) as visitor:
        assert not visitor.shared().measurement_failed
        store.delete([key])
        assert client.wait(client.create_job(track_id, ["describe"])).status is Status.FAILED
        assert visitor.shared().measurement_failed
        store.put(key, BytesIO((folder / "954.wav").read_bytes()), "audio/wav")
        assert client.wait(client.create_job(track_id, ["describe"])).status is Status.SUCCEEDED
        assert not visitor.shared().measurement_failed


@pytest.mark.parametrize("how", ["revoked", "expired", "erased", "all links revoked"])
def test_a_link_that_has_ended_opens_nothing(
    how: str, stack: RunningStack, client: Client, visitor: httpx.Client, shared: NewShare
) -> None:
    """404 at once, and what was read by it ends with it; the owner's own links go on."""
    audio = visitor.get("/v1/shared").json()["track"]["audio"]["url"]
    own = client.track(shared.track_id).audio.url
    assert [visitor.get(url).status_code for url in (audio, own)] == [200, 200]
    if how == "revoked":
        client.revoke_share(shared.track_id, shared.id)
    elif how == "expired":
        end_it(stack, shared.id)
    elif how == "erased":
        client.delete_track(shared.track_id)
    else:
        client.revoke_links(shared.track_id)
    for path in ("/v1/shared", f"/v1/tracks/{shared.track_id}", "/v1/tracks"):
        answer = visitor.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "share_ended")
    assert visitor.get(audio).status_code == (404 if how == "erased" else 403)
    assert visitor.get(own).status_code == {"erased": 404, "all links revoked": 403}.get(how, 200)
    if how != "erased":
        assert client.shares(shared.track_id).items == []


def test_what_a_link_gives_ends_no_later_than_it(stack: RunningStack, client: Client, noted: str) -> None:
    """A link of a minute gives links of a minute."""
    made = client.share_track(noted, 60)
    with as_visitor(stack, made.token) as visitor:
        audio = visitor.get("/v1/shared").json()["track"]["audio"]
    assert datetime.fromisoformat(audio["expires_at"]) <= made.expires_at


@pytest.mark.parametrize("seconds", [0, 59, -1, LONGEST_SHARE_S + 1, 1.5, "60", None, True])
def test_a_link_ends(http: httpx.Client, seconds: object) -> None:
    """422 for a life that is none, too short, too long or no number."""
    track = http.post("/v1/tracks", files={"file": ("t.wav", tone_wav(0.2, rate_hz=8_000, seed=953))}).json()
    answer = http.post(f"/v1/tracks/{track['id']}/shares", json={"expires_in_s": seconds})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "expires_in_s")


def test_only_so_many_and_only_one_s_own(client: Client, stranger: Client, folder: Path) -> None:
    """422 for one more; 404 for another owner's recording or link."""
    track_id, other = upload(client, folder, 954), upload(stranger, folder, 955)
    made = [client.share_track(track_id) for _ in range(MOST_SHARES)]
    calls = (
        (lambda: client.share_track(track_id), 422),
        (lambda: stranger.share_track(track_id), 404),
        (lambda: stranger.shares(track_id), 404),
        (lambda: stranger.revoke_share(track_id, made[0].id), 404),
        (lambda: stranger.revoke_share(other, made[0].id), 404),
        (client.shared, 404),
    )
    for call, status in calls:
        with pytest.raises(ApiError) as refusal:
            call()
        assert refusal.value.status_code == status
    client.revoke_share(track_id, made[0].id)
    client.share_track(track_id)
    assert len({share.token for share in made}) == MOST_SHARES


def test_a_link_is_made_by_a_key_that_writes_and_may_end_with_it(stack: RunningStack, folder: Path) -> None:
    """403 for one that only reads. Who made it, and who ended it, is in the audit log, without the token."""
    owner = f"owner-{uuid4()}"
    reading, writing = stack.new_key(owner, [Scope.READ]), stack.new_key(owner, [*Scope], links_end=True)
    with Client(stack.url, reading) as reader, Client(stack.url, writing) as writer:
        track_id = upload(writer, folder, 956)
        made = writer.share_track(track_id)
        gone = writer.share_track(track_id)
        writer.revoke_share(track_id, gone.id)
        with pytest.raises(ApiError) as refusal:
            reader.share_track(track_id)
        entries = writer.audit(action="share").items
        with as_visitor(stack, made.token) as visitor:
            assert visitor.get("/v1/shared").status_code == 200
            writer.revoke_key(made.key_id or "")
            assert visitor.get("/v1/shared").json()["code"] == "share_ended"
    assert refusal.value.status_code == 403
    said = [(entry.action, entry.subject, entry.details["share_id"]) for entry in entries]
    made_, revoked = ("share.created", track_id), ("share.revoked", track_id)
    assert said == [(*revoked, gone.id), (*made_, gone.id), (*made_, made.id)]
    assert made.token.removeprefix("pss_") not in str(entries)


def test_the_token_is_in_no_log(stack: RunningStack, visitor: httpx.Client, shared: NewShare) -> None:
    """Nor where somebody puts it into an address."""
    secret = shared.token.removeprefix("pss_").partition("_")[2]
    for path in ("/v1/shared", f"/v1/shared?token={shared.token}", f"/shared?{shared.token}"):
        visitor.get(path)
    log = (stack.folder / "logs" / "gateway.log").read_text()
    assert "/v1/shared" in log
    assert secret not in log


@pytest.mark.long
def test_guessing_is_slowed(stack: RunningStack, shared: NewShare) -> None:
    """As with keys: after some wrong tokens 429; right ones go on."""
    with second_gateway(stack, {"wrong_keys_a_minute": 3}) as (gateway, _):
        guesses = [f"pss_{shared.id.removeprefix('shr_')}_{guess}" for guess in range(3)]
        wrong = ["pss_", "pss__", *guesses, "pss_" + "x" * 5_000, shared.token[:-1]]
        codes = []
        for token in wrong:
            with as_visitor(gateway, token) as guesser:
                codes.append(guesser.get("/v1/shared").json()["code"])
        assert codes == ["share_ended"] * 3 + ["too_many_wrong_keys"] * 4
        with as_visitor(gateway, shared.token) as visitor:
            assert visitor.get("/v1/shared").status_code == 200


def test_the_page_of_a_link_is_listed_nowhere(anybody: httpx.Client) -> None:
    """And kept by no cache; it tells no other site where it was."""
    answer = anybody.get("/shared")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert (answer.headers["X-Robots-Tag"], answer.headers["Referrer-Policy"]) == ("noindex", "no-referrer")
